// Scores of the candidates, from a cache of float32.
// A workgroup takes some candidates of one key head: see lib/paged_dot.
//#import lib/cache8_f32
//#import lib/paged_dot
