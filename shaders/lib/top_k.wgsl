// What the three kernels of top-k share: see engine/kernels/top_k.go.
//#import lib/digit
const BLOCK: u32 = 2048u; // votes of a workgroup

const CUT_PREFIX1: u32 = 0u; // after the first digit: its value,
const CUT_REST1: u32 = 1u;   // and how many of the k lie at or below it
const CUT_PREFIX2: u32 = 2u; // after the second digit
const CUT_REST2: u32 = 3u;
const CUT_KEY: u32 = 4u;     // the key of the k-th largest vote
const CUT_EQUAL: u32 = 5u;   // how many votes of that very key are taken

struct Params {
    n: u32,        // candidates
    n_select: u32, // k
    round: u32,    // of top_k_hist: 0, 1, 2
    lo: u32,       // row of candidate 0
}

@group(1) @binding(0) var<uniform> p: Params;
