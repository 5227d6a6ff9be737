// What window_stats and window_mass share: params, and the score of a key for one
// of the window queries in front of row end, at their true distance.
//
// ring: [ring_rows][stride], that of row x at x % ring_rows, a row starting with the
// queries, [heads][d], before RoPE; k: [rows][kv_heads][d]; table: [distances][d],
// cosines and then sines of the d/2 pairs.
//#import lib/rotate
struct Params {
    end: u32,       // the row behind the last query
    window: u32,    // queries
    lo: u32,        // rows that masses are asked of
    hi: u32,
    ring_rows: u32,
    stride: u32,    // values from row to row of the ring, a multiple of 4
    heads: u32,
    kv_heads: u32,
    vecs: u32,      // vectors of four in a head
}

@group(0) @binding(0) var<storage, read> ring: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<Cached>;
@group(0) @binding(2) var<storage, read> table: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> p: Params;

fn window_score(query: u32, head: u32, row: u32) -> f32 {
    let half = p.vecs / 2u;
    let at_query = (query % p.ring_rows) * (p.stride / 4u) + head * p.vecs;
    let at_key = (row * p.kv_heads + head / (p.heads / p.kv_heads)) * p.vecs;
    let angles = (query - row) * p.vecs;
    var s = 0.0;
    for (var x = 0u; x < half; x++) {
        let turned = rotate(ring[at_query + x], ring[at_query + half + x], table[angles + x], table[angles + half + x]);
        s += dot(turned.low, cached4(k[at_key + x])) + dot(turned.high, cached4(k[at_key + half + x]));
    }
    return s / sqrt(f32(4u * p.vecs));
}
