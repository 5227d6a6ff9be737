// Attention of a chunk of queries over the index list, from a cache of float16, for
// GPUs that multiply pairs of float16 and have 16 KiB of workgroup memory: see
// lib/attention_chunk_tiled.
enable f16;
//#import lib/cache_f16
//#import lib/stored_f16
//#import lib/attention_chunk_tiled
