// Bounds of the keys of pages, from a cache of float32.
// A workgroup takes 64 times four dimensions of a page: see lib/page_bounds.
//#import lib/cache_f32
//#import lib/page_bounds
