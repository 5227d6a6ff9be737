// The soft vote of some candidates (paper, eq. 7), for workgroups of 256 that
// take SHARE candidates for each invocation: the sum over heads of
// softmax(score[h]). They merge the stats of HEADS heads at a time, LANES
// invocations a head. Heads are added in order, so equal scores get equal votes. A
// NaN score makes votes NaN.
//
// HEADS * LANES: 256; // AHEAD: heads whose scores are asked for before the first of them is used;
// SCORES: SHARE * AHEAD.
//#const SHARE
//#const AHEAD
//#const SCORES
//#const HEADS
//#const LANES
//#import lib/lowest
//#import lib/vote
@group(0) @binding(0) var<storage, read> score: array<f32>;       // [heads][n]
@group(0) @binding(1) var<storage, read> stats: array<vec2<f32>>; // [heads][blocks], largest score, sum of exp(score - largest)

var<workgroup> lane_most: array<f32, 256>; // [LANES][HEADS]
var<workgroup> lane_sum: array<f32, 256>;
var<workgroup> most: array<f32, HEADS>;    // a head's largest score
var<workgroup> inverse: array<f32, HEADS>; // 1 / its sum of exp(score - largest)

// The largest score of a lane's share of a head's blocks, every LANES-th from
// lane on, and the sum of exp(score - largest). Four at a time are asked for.
fn merged(head: u32, lane: u32) -> vec2<f32> {
    var m = LOWEST;
    var sum = 0.0;
    for (var b = lane; b < p.blocks; b += 4u * LANES) {
        var four: array<vec2<f32>, 4>;
        for (var j = 0u; j < 4u; j++) {
            four[j] = stats[head * p.blocks + min(b + j * LANES, p.blocks - 1u)];
        }
        var more = m;
        for (var j = 0u; j < 4u; j++) {
            more = max(more, four[j].x);
        }
        sum *= exp(m - more);
        m = more;
        for (var j = 0u; j < 4u; j++) {
            if (b + j * LANES < p.blocks) {
                sum += four[j].y * exp(four[j].x - m);
            }
        }
    }
    return vec2<f32>(m, sum);
}

// The votes of candidates first + i + 256 j, j < SHARE, where there are such;
// first may be less than none. All invocations call it.
fn soft_votes(i: u32, first: u32) -> array<f32, SHARE> {
    var votes: array<f32, SHARE>;
    for (var j = 0u; j < SHARE; j++) {
        votes[j] = 0.0;
    }
    for (var from_head = 0u; from_head < p.heads; from_head += HEADS) {
        let lane = merged(min(from_head + i / LANES, p.heads - 1u), i % LANES);
        lane_most[i % LANES * HEADS + i / LANES] = lane.x;
        lane_sum[i % LANES * HEADS + i / LANES] = lane.y;
        workgroupBarrier();
        if (i < HEADS) {
            var m = LOWEST;
            for (var l = i; l < 256u; l += HEADS) {
                m = max(m, lane_most[l]);
            }
            var sum = 0.0;
            for (var l = i; l < 256u; l += HEADS) {
                sum += lane_sum[l] * exp(lane_most[l] - m);
            }
            most[i] = m;
            inverse[i] = 1.0 / sum;
        }
        workgroupBarrier();
        // Behind the last candidate and before the first the last is read again.
        let heads = min(HEADS, p.heads - from_head);
        var h = 0u;
        for (; h + AHEAD <= heads; h += AHEAD) {
            var some: array<f32, SCORES>; // [AHEAD][SHARE]
            for (var e = 0u; e < AHEAD; e++) {
                for (var j = 0u; j < SHARE; j++) {
                    some[e * SHARE + j] = score[(from_head + h + e) * p.n + min(first + i + j * 256u, p.n - 1u)];
                }
            }
            for (var e = 0u; e < AHEAD; e++) {
                for (var j = 0u; j < SHARE; j++) {
                    votes[j] += exp(some[e * SHARE + j] - most[h + e]) * inverse[h + e];
                }
            }
        }
        for (; h < heads; h++) {
            for (var j = 0u; j < SHARE; j++) {
                votes[j] += exp(score[(from_head + h) * p.n + min(first + i + j * 256u, p.n - 1u)] - most[h]) * inverse[h];
            }
        }
        workgroupBarrier();
    }
    return votes;
}
