// The relevance of a block: the sum over heads and over the head's representatives
// of q . K (InfLLM, arXiv 2402.04617, section 3.2).
//
// q: [heads][d]; k: [rows][kv_heads][d], before RoPE; chosen: [blocks][heads][r], the
// rows of the representatives; score: [blocks].
// An invocation takes a block, a workgroup 64 of them.
//#import lib/grid
struct Params {
    blocks: u32,
    r: u32,
    heads: u32,
    kv_heads: u32,
    vecs: u32, // vectors of four in a head
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<Cached>;
@group(0) @binding(2) var<storage, read> chosen: array<u32>;
@group(0) @binding(3) var<storage, read_write> score: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let block = group_index(id, groups) * 64u + i;
    if (block >= p.blocks) {
        return;
    }
    var sum = 0.0;
    for (var head = 0u; head < p.heads; head++) {
        let kv = head / (p.heads / p.kv_heads);
        for (var one = 0u; one < p.r; one++) {
            let at = (chosen[(block * p.heads + head) * p.r + one] * p.kv_heads + kv) * p.vecs;
            for (var x = 0u; x < p.vecs; x++) {
                sum += dot(q[head * p.vecs + x], cached4(k[at + x]));
            }
        }
    }
    score[block] = sum;
}
