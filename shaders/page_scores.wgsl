// The most that the dot product of a head's query and any key of a page can be
// (Quest, arXiv 2406.10774, algorithm 1): the sum over dimensions of the larger of
// q * least and q * largest.
//
// q: [heads][d]; bounds: [pages][2][kv_heads][d], least and then largest; score:
// [heads][pages].
// A workgroup takes 64 pages of one head.
//#import lib/grid
struct Params {
    pages: u32,
    heads: u32,
    kv_heads: u32,
    vecs: u32, // vectors of four in a head
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> bounds: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> score: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let head = number % p.heads;
    let page = number / p.heads * 64u + i;
    if (page >= p.pages) {
        return;
    }
    let kv = head / (p.heads / p.kv_heads);
    let width = p.kv_heads * p.vecs;
    let at = 2u * page * width + kv * p.vecs;
    var sum = 0.0;
    for (var x = 0u; x < p.vecs; x++) {
        let query = q[head * p.vecs + x];
        let bound = max(query * bounds[at + x], query * bounds[at + width + x]);
        sum += (bound.x + bound.y) + (bound.z + bound.w);
    }
    score[head * p.pages + page] = sum;
}
