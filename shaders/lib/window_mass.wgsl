// How much attention the window's queries of all heads of a key head pay to each row
// (SnapKV, arXiv 2404.14469, section 4): the sum of their softmax weights.
//
// ring, k, table: lib/window_scores; stats: [window][heads][2], window_stats';
// mass: [kv_heads][hi - lo].
// A workgroup takes 64 rows of one key head.
//#import lib/grid
//#import lib/window_scores
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read_write> mass: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let row = p.lo + number / p.kv_heads * 64u + i;
    if (row >= p.hi) {
        return;
    }
    let group = p.heads / p.kv_heads;
    var sum = 0.0;
    for (var w = 0u; w < p.window; w++) {
        for (var head = kv * group; head < (kv + 1u) * group; head++) {
            let at = 2u * (w * p.heads + head);
            sum += exp(window_score(p.end - p.window + w, head, row) - stats[at]) / stats[at + 1u];
        }
    }
    mass[kv * (p.hi - p.lo) + row - p.lo] = sum;
}
