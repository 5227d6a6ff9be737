// What score_stats shares for a key index in tiles, however its values are
// multiplied: where the keys of an invocation stand, and what becomes of their
// scores. TILE rows stand together: k is [rows / TILE][kv_heads][vectors of a
// key][TILE] vectors of whole numbers; key_scale: [rows / TILE][kv_heads][words of a
// head][TILE]; score: [heads][n]; stats: [heads][blocks][2].
//
// BLOCKS: scales of a head; CHUNKS: vectors for each; SCALE_WORDS: words of scales of
// a head; LANE_STATS: GROUP * INVOCATIONS.
//#const HEAD_DIM
//#const HALF
//#const TILE
//#const GROUP
//#const KEYS
//#const BLOCKS
//#const CHUNKS
//#const SCALE_WORDS
//#const LANE_STATS
//#import lib/lowest
//#import lib/score
@group(0) @binding(2) var<storage, read> k: array<vec4<u32>>;

var<workgroup> lane_stats: array<vec2<f32>, LANE_STATS>; // [GROUP][INVOCATIONS], largest score and sum

// The first vector of a row's key, and its first scale.
struct Place {
    key: u32,
    scale: u32,
}

fn place_of(row: u32, kv: u32) -> Place {
    let head = (row / TILE) * p.kv_heads + kv;
    return Place(head * (BLOCKS * CHUNKS * TILE) + row % TILE, head * (SCALE_WORDS * TILE) + row % TILE);
}

// Stores the score of candidate token of a head, and returns exp(value - most).
fn weight_of(head: u32, token: u32, value: f32, most: f32) -> f32 {
    score[head * p.n + token] = value;
    return exp(value - most);
}

// What count lane_stats from at on come to: their largest score and sum.
fn merged(at: u32, count: u32) -> vec2<f32> {
    var most = LOWEST;
    for (var j = 0u; j < count; j++) {
        most = max(most, lane_stats[at + j].x);
    }
    var sum = 0.0;
    for (var j = 0u; j < count; j++) {
        let lane = lane_stats[at + j];
        sum += lane.y * exp(lane.x - most);
    }
    return vec2<f32>(most, sum);
}

// Writes the block's stats, once each invocation i has stored its own: of eighths of
// a head's invocations, then of those.
fn write_stats(kv: u32, block: u32, i: u32) {
    workgroupBarrier();
    var eighth: vec2<f32>;
    if (i < GROUP * 8u) {
        eighth = merged(i * (INVOCATIONS / 8u), INVOCATIONS / 8u);
    }
    workgroupBarrier();
    if (i < GROUP * 8u) {
        lane_stats[i] = eighth;
    }
    workgroupBarrier();
    if (i < GROUP) {
        let all = merged(i * 8u, 8u);
        let to = 2u * ((kv * GROUP + i) * p.blocks + block);
        stats[to] = all.x;
        stats[to + 1u] = all.y;
    }
}
