// The relevance of blocks by their representatives, from a cache of float32.
// A workgroup takes 64 blocks: see lib/block_scores.
//#import lib/cache_f32
//#import lib/block_scores
