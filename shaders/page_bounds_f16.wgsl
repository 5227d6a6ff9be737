// Bounds of the keys of pages, from a cache of float16.
// A workgroup takes 64 times four dimensions of a page: see lib/page_bounds.
//#import lib/cache_f16
//#import lib/page_bounds
