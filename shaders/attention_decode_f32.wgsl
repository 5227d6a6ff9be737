// Attention of one query over a part of the index list, from a cache of float32.
// A workgroup takes one part of the list for one key head: see lib/attention_decode.
//#import lib/cache_f32
//#import lib/cache8_f32
//#import lib/attention_decode
