// What following queries make of keys, from a cache of float16.
// A workgroup takes four keys of a head: see lib/follow_scores.
//#import lib/cache_f16
//#import lib/follow_scores
