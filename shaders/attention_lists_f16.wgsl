// Attention of each query head over the list of rows of its own, from a cache of
// float16.
// A workgroup takes one query of one head: see lib/attention_lists.
//#import lib/cache_f16
//#import lib/attention_lists
