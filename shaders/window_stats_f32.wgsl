// The softmax of the last queries over all rows, from a cache of float32.
// A workgroup takes one query of one head: see lib/window_stats.
//#import lib/cache_f32
//#import lib/window_stats
