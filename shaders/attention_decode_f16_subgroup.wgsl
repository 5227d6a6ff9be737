// attention_decode_f16 where subgroups exchange scores. A workgroup takes one part of
// the list for one key head: see lib/attention_decode_subgroup.
enable subgroups;
//#import lib/cache_f16
//#import lib/cache8_f16
//#import lib/attention_decode_subgroup
