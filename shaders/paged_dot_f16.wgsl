// Scores of the candidates, from a cache of float16.
// A workgroup takes 64 candidates of one key head: see lib/paged_dot.
//#import lib/cache_f16
//#import lib/paged_dot
