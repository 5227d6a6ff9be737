// The largest vote of each candidate's neighbours and its own, so that what stands
// beside a token that is asked for comes along.
//
// vote, pooled: [lists][stride], as bits of values that are not negative, which are
// ordered as these. A window reaches p.half candidates to both sides, and ends where
// they do. A workgroup takes 256 candidates of a list. Writes nothing on a hit.
//#import lib/grid
//#import lib/state
struct Params {
    n: u32, // candidates
    lists: u32,
    stride: u32, // votes from list to list
    half: u32,
}

@group(0) @binding(0) var<storage, read> vote: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> pooled: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let blocks = (p.n + 255u) / 256u;
    let list = number / blocks;
    let t = number % blocks * 256u + i;
    if (state[STATE_HIT] != 0u || list >= p.lists || t >= p.n) {
        return;
    }
    var most = 0u;
    for (var at = max(t, p.half) - p.half; at <= min(t + p.half, p.n - 1u); at++) {
        most = max(most, vote[list * p.stride + at]);
    }
    pooled[list * p.stride + t] = most;
}
