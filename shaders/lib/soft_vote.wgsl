// The soft vote of some candidates (paper, eq. 7), for workgroups of 256 that
// take p.share candidates for each invocation: the sum over heads of
// softmax(score[h]). They merge the stats of 32 heads at a time, 8 invocations a
// head. Heads are added in order, so equal scores get equal votes. A NaN score
// makes votes NaN.
//#import lib/lowest
//#import lib/vote
@group(0) @binding(0) var<storage, read> score: array<f32>; // [heads][n]
@group(0) @binding(1) var<storage, read> stats: array<f32>; // [heads][blocks][2], largest score, sum of exp(score - largest)

const HEADS: u32 = 32u; // merged at a time
const LANES: u32 = 8u;  // invocations that share a head

var<workgroup> lane_most: array<f32, 256>; // [HEADS][LANES]
var<workgroup> lane_sum: array<f32, 256>;
var<workgroup> most: array<f32, 32>;       // a head's largest score
var<workgroup> inverse: array<f32, 32>;    // 1 / its sum of exp(score - largest)

// The votes of candidates first + i + 256 j, j < share; all invocations call it.
fn soft_votes(i: u32, first: u32) -> vec4<f32> {
    var votes = vec4<f32>(0.0);
    for (var from_head = 0u; from_head < p.heads; from_head += HEADS) {
        let head = from_head + i / LANES;
        var m = LOWEST;
        var sum = 0.0;
        if (head < p.heads) {
            for (var b = i % LANES; b < p.blocks; b += LANES) {
                m = max(m, stats[2u * (head * p.blocks + b)]);
            }
            for (var b = i % LANES; b < p.blocks; b += LANES) {
                let at = 2u * (head * p.blocks + b);
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
    return votes;
}
