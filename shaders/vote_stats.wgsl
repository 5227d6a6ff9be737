// What the softmax of the soft vote needs (paper, eq. 7): for each head and
// block of 2048 candidates the largest score m and the sum of exp(score - m).
//
// score: [heads][n]; stats: [heads][blocks][2], m then sum.
// One workgroup a block. A NaN makes its block's sum NaN. Writes nothing on a
// hit.
//#import lib/grid
//#import lib/lowest
//#import lib/state
//#import lib/sum_max
//#import lib/vote
@group(0) @binding(0) var<storage, read> score: array<f32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;

const STATS_TOKENS: u32 = 2048u; // of a block

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let head = number / p.blocks;
    if (state[STATE_HIT] != 0u || head >= p.heads) {
        return;
    }
    let first = (number % p.blocks) * STATS_TOKENS;
    // Scores are read once, all that an invocation takes before the first is used.
    var own: array<f32, 8>;
    for (var j = 0u; j < 8u; j++) {
        own[j] = LOWEST;
        let t = first + i + j * 256u;
        if (t < p.n) {
            own[j] = score[head * p.n + t];
        }
    }
    var most = LOWEST;
    for (var j = 0u; j < 8u; j++) {
        most = max(most, own[j]);
    }
    most = workgroup_max(i, most);
    var sum = 0.0;
    for (var j = 0u; j < 8u; j++) {
        if (first + i + j * 256u < p.n) {
            sum += exp(own[j] - most);
        }
    }
    sum = workgroup_sum(i, sum);
    if (i == 0u) {
        stats[2u * number] = most;
        stats[2u * number + 1u] = sum;
    }
}
