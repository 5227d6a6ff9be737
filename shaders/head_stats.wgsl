// What the softmax of each head is computed with: its largest score and 1 over its
// sum of exp(score - largest), merged from those of blocks of candidates.
//
// stats: [heads][blocks], largest score and sum; of_head: [heads][2]. One workgroup
// a head. Writes nothing on a hit.
//#import lib/grid
//#import lib/lowest
//#import lib/state
//#import lib/sum_max
//#import lib/vote
@group(0) @binding(0) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> of_head: array<vec2<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let head = group_index(id, groups);
    if (state[STATE_HIT] != 0u || head >= p.heads) {
        return;
    }
    var most = LOWEST;
    for (var b = i; b < p.blocks; b += 256u) {
        most = max(most, stats[head * p.blocks + b].x);
    }
    most = workgroup_max(i, most);
    var sum = 0.0;
    for (var b = i; b < p.blocks; b += 256u) {
        let own = stats[head * p.blocks + b];
        sum += own.y * exp(own.x - most);
    }
    sum = workgroup_sum(i, sum);
    if (i == 0u) {
        of_head[head] = vec2<f32>(most, 1.0 / sum);
    }
}
