// The soft vote (paper, eq. 7): vote[t] = sum over heads of softmax(score[h])[t].
//
// score, stats: lib/soft_vote; vote: [n]. A workgroup takes SHARE candidates
// for each of 256 invocations. Writes nothing on a hit.
//#import lib/grid
//#import lib/soft_vote
//#import lib/state
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> vote: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = group_index(id, groups) * 256u * SHARE;
    if (state[STATE_HIT] != 0u || first >= p.n) {
        return;
    }
    var votes = soft_votes(i, first);
    for (var j = 0u; j < SHARE; j++) {
        let t = first + i + j * 256u;
        if (t < p.n) {
            vote[t] = votes[j];
        }
    }
}
