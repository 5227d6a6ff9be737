// Attention of each query head over the list of rows of its own, from a cache of
// float32.
// A workgroup takes one query of one head: see lib/attention_lists.
//#import lib/cache_f32
//#import lib/attention_lists
