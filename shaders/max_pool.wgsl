// The largest value of each candidate's neighbours and its own, so that what stands
// beside a token that is attended to comes along.
//
// x, pooled: [lists][n], as bits of values that are not negative, which are ordered as
// these. A window reaches p.half candidates to both sides, and ends where they do. A
// workgroup takes 256 candidates of a list.
//#import lib/grid
struct Params {
    n: u32, // candidates
    lists: u32,
    half: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> pooled: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let blocks = (p.n + 255u) / 256u;
    let list = number / blocks;
    let t = number % blocks * 256u + i;
    if (list >= p.lists || t >= p.n) {
        return;
    }
    var most = 0u;
    for (var at = max(t, p.half) - p.half; at <= min(t + p.half, p.n - 1u); at++) {
        most = max(most, x[list * p.n + at]);
    }
    pooled[list * p.n + t] = most;
}
