// The r keys of each block with the largest scores, for each head: equal scores go to
// the lower row, NaN is the least (InfLLM, arXiv 2402.04617, section 3.2).
//
// score: [blocks][heads][block]; chosen: [first block + blocks][heads][r], rows, the
// largest score first.
// An invocation takes a block and a head, a workgroup 64 of those.
//#import lib/grid
//#import lib/sort_key
struct Params {
    first: u32,  // block
    blocks: u32,
    block: u32,  // rows of a block
    heads: u32,
    r: u32,
    lo: u32,     // row of block 0
}

@group(0) @binding(0) var<storage, read> score: array<f32>;
@group(0) @binding(1) var<storage, read_write> chosen: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups) * 64u + i; // of a block and a head
    if (number >= p.blocks * p.heads) {
        return;
    }
    let block = p.first + number / p.heads;
    let head = number % p.heads;
    var last_key = 0xffffffffu;
    var last = 0u;
    for (var one = 0u; one < p.r; one++) {
        // The largest behind the one before it.
        var best_key = 0u;
        var best = p.block;
        for (var at = 0u; at < p.block; at++) {
            let key = sort_key(bitcast<u32>(score[number * p.block + at]));
            let behind = key < last_key || (key == last_key && at > last);
            if (behind && (best == p.block || key > best_key)) {
                best_key = key;
                best = at;
            }
        }
        last_key = best_key;
        last = best;
        chosen[(block * p.heads + head) * p.r + one] = p.lo + block * p.block + best;
    }
}
