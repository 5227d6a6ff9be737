// The words of a layer's selection state, as in engine/kernels/selection_cache.go.
const STATE_VALID: u32 = 0u;  // 1: a selection is cached
const STATE_SEEN: u32 = 1u;   // rows below this one were candidates when it was made
const STATE_HIT: u32 = 2u;    // 1: this step reuses it
const STATE_MID: u32 = 3u;    // selected rows that this step attends to
const STATE_COSINE: u32 = 4u; // float32 bits
const STATE_HITS: u32 = 5u;   // decode steps that reused a selection
const STATE_MISSES: u32 = 6u; // decode steps that selected
