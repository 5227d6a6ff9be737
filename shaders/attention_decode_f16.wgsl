// Attention of one query over a part of the index list, from a cache of float16.
// A workgroup takes one part of the list for one key head: see lib/attention_decode.
//#import lib/cache_f16
//#import lib/cache8_f16
//#import lib/attention_decode
