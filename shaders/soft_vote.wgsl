// The soft vote (paper, eq. 7): vote[t] = sum over heads of softmax(score[h])[t].
//
// score: [heads][n]; stats: [heads][blocks][2] of vote_stats; vote: [n].
// A workgroup takes p.share candidates for each of 256 invocations, and merges
// the stats of 32 heads at a time: 8 invocations a head. Heads are added in order, so equal scores get equal
// votes. A NaN score makes votes NaN. Writes nothing on a hit.
//#import lib/grid
//#import lib/lowest
//#import lib/state
//#import lib/vote
@group(0) @binding(0) var<storage, read> score: array<f32>;
@group(0) @binding(1) var<storage, read> stats: array<f32>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> vote: array<f32>;

const HEADS: u32 = 32u; // merged at a time
const LANES: u32 = 8u;  // invocations that share a head

var<workgroup> lane_most: array<f32, 256>; // [HEADS][LANES]
var<workgroup> lane_sum: array<f32, 256>;
var<workgroup> most: array<f32, 32>;       // a head's largest score
var<workgroup> inverse: array<f32, 32>;    // 1 / its sum of exp(score - largest)

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = group_index(id, groups) * 256u * p.share;
    if (state[STATE_HIT] != 0u || first >= p.n) {
        return;
    }
    let blocks = stats_blocks();
    var votes = vec4<f32>(0.0);
    for (var from_head = 0u; from_head < p.heads; from_head += HEADS) {
        let head = from_head + i / LANES;
        var m = LOWEST;
        var sum = 0.0;
        if (head < p.heads) {
            for (var b = i % LANES; b < blocks; b += LANES) {
                m = max(m, stats[2u * (head * blocks + b)]);
            }
            for (var b = i % LANES; b < blocks; b += LANES) {
                let at = 2u * (head * blocks + b);
                sum += stats[at + 1u] * exp(stats[at] - m);
            }
        }
        lane_most[i] = m;
        lane_sum[i] = sum;
        workgroupBarrier();
        if (i < HEADS) {
            m = LOWEST;
            for (var l = i * LANES; l < (i + 1u) * LANES; l++) {
                m = max(m, lane_most[l]);
            }
            sum = 0.0;
            for (var l = i * LANES; l < (i + 1u) * LANES; l++) {
                sum += lane_sum[l] * exp(lane_most[l] - m);
            }
            most[i] = m;
            inverse[i] = 1.0 / sum;
        }
        workgroupBarrier();
        for (var h = 0u; h < min(HEADS, p.heads - from_head); h++) {
            for (var j = 0u; j < 4u; j++) {
                let t = first + i + j * 256u;
                if (j < p.share && t < p.n) {
                    votes[j] += exp(score[(from_head + h) * p.n + t] - most[h]) * inverse[h];
                }
            }
        }
        workgroupBarrier();
    }
    for (var j = 0u; j < 4u; j++) {
        let t = first + i + j * 256u;
        if (j < p.share && t < p.n) {
            vote[t] = votes[j];
        }
    }
}
