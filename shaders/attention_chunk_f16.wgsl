// Attention of a chunk of queries over the index list, from a cache of float16.
// A workgroup takes 64 rows, a row being a query of one head: see lib/attention_chunk.
//#import lib/cache_f16
//#import lib/attention_chunk
