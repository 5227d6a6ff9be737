// attention_decode_f32 where subgroups exchange scores. A workgroup takes one part of
// the list for one key head: see lib/attention_decode_subgroup.
enable subgroups;
//#import lib/cache_f32
//#import lib/cache8_f32
//#import lib/attention_decode_subgroup
