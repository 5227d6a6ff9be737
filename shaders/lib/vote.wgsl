// Params of the kernels of the soft vote.
struct Params {
    heads: u32,
    n: u32,      // candidates
    blocks: u32, // of candidates in the stats of a head
    half: u32,   // of soft_vote_hist: candidates of a window to each side
}

@group(1) @binding(0) var<uniform> p: Params;
