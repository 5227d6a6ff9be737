// The attention that the last queries pay to rows, from a cache of float32.
// A workgroup takes 64 rows of one key head: see lib/window_mass.
//#import lib/cache_f32
//#import lib/window_mass
