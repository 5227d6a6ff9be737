// The soft vote of some candidates (paper, eq. 7), for workgroups of 256 that
// take SHARE candidates for each invocation: the sum over heads of
// softmax(score[h]). They merge the stats of HEADS heads at a time, LANES
// invocations a head. Heads are added in order, so equal scores get equal votes. A
// NaN score makes votes NaN.
//
// AHEAD: heads whose scores are asked for at a time, a part of HEADS; SCORES: SHARE *
// AHEAD; LANES: 256 / HEADS.
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
// lane on, and the sum of exp(score - largest). Eight at a time are asked for.
fn merged(head: u32, lane: u32) -> vec2<f32> {
    var m = LOWEST;
    var sum = 0.0;
    for (var b = lane; b < p.blocks; b += 8u * LANES) {
        var some: array<vec2<f32>, 8>;
        for (var j = 0u; j < 8u; j++) {
            some[j] = stats[head * p.blocks + min(b + j * LANES, p.blocks - 1u)];
        }
        var more = m;
        for (var j = 0u; j < 8u; j++) {
            more = max(more, some[j].x);
        }
        sum *= exp(m - more);
        m = more;
        for (var j = 0u; j < 8u; j++) {
            if (b + j * LANES < p.blocks) {
                sum += some[j].y * exp(some[j].x - m);
            }
        }
    }
    return vec2<f32>(m, sum);
}

// The scores that AHEAD heads from head on give to candidates first + i + 256 j,
// [AHEAD][SHARE]. Behind the last candidate and before the first the last is read
// again, behind the last head that.
fn some_scores(head: u32, first: u32, i: u32) -> array<f32, SCORES> {
    var some: array<f32, SCORES>;
    for (var e = 0u; e < AHEAD; e++) {
        for (var j = 0u; j < SHARE; j++) {
            some[e * SHARE + j] = score[min(head + e, p.heads - 1u) * p.n + min(first + i + j * 256u, p.n - 1u)];
        }
    }
    return some;
}

// The votes of candidates first + i + 256 j, j < SHARE, where there are such;
// first may be less than none. All invocations call it.
fn soft_votes(i: u32, first: u32) -> array<f32, SHARE> {
    var votes: array<f32, SHARE>;
    for (var j = 0u; j < SHARE; j++) {
        votes[j] = 0.0;
    }
    var next = some_scores(0u, first, i); // on their way while stats are merged
    for (var from_head = 0u; from_head < p.heads; from_head += HEADS) {
        let lane = merged(min(from_head + i / LANES, p.heads - 1u), i % LANES);
        lane_most[i % LANES * HEADS + i / LANES] = lane.x;
        lane_sum[i % LANES * HEADS + i / LANES] = lane.y;
        workgroupBarrier();
        if (i < HEADS) {
            var m = LOWEST;
            for (var l = 0u; l < LANES; l++) {
                m = max(m, lane_most[i + l * HEADS]);
            }
            var sum = 0.0;
            for (var l = 0u; l < LANES; l++) {
                sum += lane_sum[i + l * HEADS] * exp(lane_most[i + l * HEADS] - m);
            }
            most[i] = m;
            inverse[i] = 1.0 / sum;
        }
        workgroupBarrier();
        let heads = min(HEADS, p.heads - from_head);
        for (var h = 0u; h < heads; h += AHEAD) {
            var some = next;
            next = some_scores(from_head + h + AHEAD, first, i);
            for (var e = 0u; e < AHEAD; e++) {
                if (h + e < heads) {
                    for (var j = 0u; j < SHARE; j++) {
                        votes[j] += exp(some[e * SHARE + j] - most[h + e]) * inverse[h + e];
                    }
                }
            }
        }
        workgroupBarrier();
    }
    return votes;
}
