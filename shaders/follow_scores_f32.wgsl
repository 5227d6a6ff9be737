// What following queries make of keys, from a cache of float32.
// A workgroup takes four keys of a head: see lib/follow_scores.
//#import lib/cache_f32
//#import lib/follow_scores
