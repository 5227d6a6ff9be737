// What the softmax of the soft vote needs (paper, eq. 7): for each head and
// block of 1024 candidates the largest score m and the sum of exp(score - m).
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

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let blocks = stats_blocks();
    let head = number / blocks;
    if (state[STATE_HIT] != 0u || head >= p.heads) {
        return;
    }
    let first = (number % blocks) * STATS_TOKENS;
    let end = min(first + STATS_TOKENS, p.n);
    var most = LOWEST;
    for (var t = first + i; t < end; t += 256u) {
        most = max(most, score[head * p.n + t]);
    }
    most = workgroup_max(i, most);
    var sum = 0.0;
    for (var t = first + i; t < end; t += 256u) {
        sum += exp(score[head * p.n + t] - most);
    }
    sum = workgroup_sum(i, sum);
    if (i == 0u) {
        stats[2u * number] = most;
        stats[2u * number + 1u] = sum;
    }
}
