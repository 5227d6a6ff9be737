// The softmax of the last queries over all rows, from a cache of float16.
// A workgroup takes one query of one head: see lib/window_stats.
//#import lib/cache_f16
//#import lib/window_stats
