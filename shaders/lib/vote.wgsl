// Params of vote_stats and soft_vote, and the blocks of the stats between them.
struct Params {
    heads: u32,
    n: u32,     // candidates
    share: u32, // of soft_vote: candidates of an invocation, at most 4
}

@group(1) @binding(0) var<uniform> p: Params;

const STATS_TOKENS: u32 = 2048u;

fn stats_blocks() -> u32 {
    return (p.n + STATS_TOKENS - 1u) / STATS_TOKENS;
}
