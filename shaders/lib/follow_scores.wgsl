// How much the queries that follow a key make of it, on average (InfLLM, arXiv
// 2402.04617, section 3.2): the mean of q . K over the follow next rows, the query
// turned by the distance, as far as these queries are at hand; 0 if none is.
//
// ring: [ring_rows][stride], that of row x at x % ring_rows, a row starting with the
// queries, [heads][d], before RoPE; k: [rows][kv_heads][d]; table: [distances][d],
// cosines and then sines of the d/2 pairs; score: [rows of the keys / block][heads][block].
// A workgroup takes four keys of a head, sixteen invocations each, which have four
// pairs of dimensions.
//#import lib/grid
//#import lib/rotate
struct Params {
    lo: u32,        // row of the first key
    keys: u32,      // a multiple of block
    block: u32,
    follow: u32,
    first: u32,     // the first row whose query is at hand
    end: u32,       // the one behind the last
    ring_rows: u32,
    stride: u32,    // values from row to row of the ring, a multiple of 4
    heads: u32,
    kv_heads: u32,
    vecs: u32,      // vectors of four in a head
}

@group(0) @binding(0) var<storage, read> ring: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<Cached>;
@group(0) @binding(2) var<storage, read> table: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> score: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let head = number % p.heads;
    let key = number / p.heads * 4u + i / 16u;
    let lane = i % 16u;
    let half = p.vecs / 2u;
    let row = p.lo + key;
    let start = max(row + 1u, p.first);
    let stop = min(row + p.follow + 1u, p.end);
    var sum = 0.0;
    if (key < p.keys && lane < half && start < stop) {
        var low = vec4<f32>(0.0);
        var high = vec4<f32>(0.0);
        for (var follower = start; follower < stop; follower++) {
            let at = (follower % p.ring_rows) * (p.stride / 4u) + head * p.vecs + lane;
            let angles = (follower - row) * p.vecs + lane;
            let turned = rotate(ring[at], ring[at + half], table[angles], table[angles + half]);
            low += turned.low;
            high += turned.high;
        }
        let at = (row * p.kv_heads + head / (p.heads / p.kv_heads)) * p.vecs + lane;
        sum = dot(low, cached4(k[at])) + dot(high, cached4(k[at + half]));
    }
    sums[i] = sum;
    workgroupBarrier();
    if (key >= p.keys || lane != 0u) {
        return;
    }
    var all = 0.0;
    for (var x = 0u; x < 16u; x++) {
        all += sums[i + x];
    }
    if (start < stop) {
        all /= f32(stop - start);
    }
    score[(key / p.block * p.heads + head) * p.block + key % p.block] = all;
}
