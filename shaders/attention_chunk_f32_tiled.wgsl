// Attention of a chunk of queries over the index list, from a cache of float32, for
// GPUs with 32 KiB of workgroup memory: see lib/attention_chunk_tiled.
//#import lib/cache_f32
//#import lib/stored_f32
//#import lib/attention_chunk_tiled
