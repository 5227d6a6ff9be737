// Attention of the c queries of a step, each head over the list of its own: with
// an online softmax, y = softmax(q . K, turned by their distance, / sqrt(d)) . V.
// A list is the first n_init rows of the cache, the selected ones of its own, then
// the n_local + c last. There are one for all heads, one for each key head, or
// one for each query head. RoPE depends on the distance of query and key alone,
// so that each query is turned by it, whatever rule tells it.
//
// q: [c][q_stride], a row starting with the queries, [heads][d], before RoPE;
// k, v: [rows][kv_heads][d]; sel: [lists][sel_stride]; counts: [lists], selected
// rows; table: [distances][d], cosines and then sines of the d/2 pairs;
// y: [c][heads][d].
// A workgroup takes one query of one head, 64 entries of the list at a time: an
// invocation has the score of one of them, and then four dimensions of the values
// of each PARTS-th.
//
// VECS and HALF: vectors of four in a head and in half of one.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const PARTS
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
struct Params {
    n: u32,          // rows in the cache, this step's included
    c: u32,          // queries, which are the last c rows
    n_init: u32,
    n_local: u32,
    use_mid: u32,    // 1: attend to the selections too
    heads: u32,
    kv_heads: u32,
    lists: u32,
    sel_stride: u32, // words from list to list of sel
    q_stride: u32,   // values from row to row of q, a multiple of 4
    place: u32,      // the rule of distances
    window: u32,     // of rules 2 and 3
    group: u32,      // of rule 3
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<Cached>;
@group(0) @binding(2) var<storage, read> v: array<Cached>;
@group(0) @binding(3) var<storage, read> sel: array<u32>;
@group(0) @binding(4) var<storage, read> counts: array<u32>;
@group(0) @binding(5) var<storage, read> table: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> p: Params;

const ENTRIES: u32 = 64u;

var<workgroup> query: array<vec4<f32>, 32>;
var<workgroup> rows: array<u32, 64>;
var<workgroup> scores: array<f32, 64>;
var<workgroup> weights: array<f32, 64>;
var<workgroup> results: array<vec4<f32>, 64>;

// How far behind a query at row q_row, entry q_entry of its list, the rule has the
// key of a row, at an entry.
fn distance_of(q_row: u32, q_entry: u32, row: u32, entry: u32) -> u32 {
    if (p.place == 0u) {
        return q_entry - entry;
    }
    let true_distance = q_row - row;
    if (p.place == 2u) {
        return min(true_distance, p.window);
    }
    if (p.place == 3u && true_distance >= p.window) {
        return q_row / p.group + p.window - p.window / p.group - row / p.group;
    }
    return true_distance;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let head = number % p.heads;
    let j = number / p.heads;
    if (j >= p.c) {
        return;
    }
    let kv = head / (p.heads / p.kv_heads);
    let list = head / (p.heads / p.lists);
    var mid = 0u;
    if (p.use_mid != 0u) {
        mid = counts[list];
    }
    let end = p.n_init + mid + p.n_local + j + 1u; // causal: the query is the last entry that it sees
    if (i < VECS) {
        query[i] = q[(j * p.q_stride) / 4u + head * VECS + i];
    }
    workgroupBarrier();

    let scale = 1.0 / sqrt(f32(HEAD_DIM));
    let part = i / VECS;
    let vector = i % VECS;
    var o = vec4<f32>(0.0);
    var most = LOWEST;
    var sum = 0.0;
    for (var tile = 0u; tile < end; tile += ENTRIES) {
        let entry = tile + i;
        var s = LOWEST;
        if (entry < end) {
            var row = entry;
            if (entry >= p.n_init + mid) {
                row = p.n - p.c - p.n_local + (entry - p.n_init - mid);
            } else if (entry >= p.n_init) {
                row = sel[list * p.sel_stride + entry - p.n_init];
            }
            rows[i] = row;
            let angles = distance_of(p.n - p.c + j, end - 1u, row, entry) * VECS;
            let at = (row * p.kv_heads + kv) * VECS;
            s = 0.0;
            for (var x = 0u; x < HALF; x++) {
                let turned = rotate(query[x], query[HALF + x], table[angles + x], table[angles + HALF + x]);
                s += dot(turned.low, cached4(k[at + x])) + dot(turned.high, cached4(k[at + HALF + x]));
            }
            s *= scale;
        }
        scores[i] = s;
        workgroupBarrier();
        var top = most;
        for (var e = 0u; e < ENTRIES; e++) {
            top = max(top, scores[e]);
        }
        var weight = 0.0;
        if (entry < end) {
            weight = exp(s - top);
        }
        weights[i] = weight;
        let shrink = exp(most - top);
        most = top;
        workgroupBarrier();
        sum *= shrink;
        o *= shrink;
        let entries = min(ENTRIES, end - tile);
        for (var e = 0u; e < entries; e++) {
            sum += weights[e];
        }
        if (part < PARTS) {
            for (var e = part; e < entries; e += PARTS) {
                o += weights[e] * cached4(v[(rows[e] * p.kv_heads + kv) * VECS + vector]);
            }
        }
        workgroupBarrier();
    }

    results[i] = o;
    workgroupBarrier();
    if (i < VECS) {
        var whole = vec4<f32>(0.0);
        for (var x = 0u; x < PARTS; x++) {
            whole += results[x * VECS + i];
        }
        y[(j * p.heads + head) * VECS + i] = whole / sum;
    }
}
