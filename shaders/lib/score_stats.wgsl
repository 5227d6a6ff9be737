// Scores the candidates and finds what the softmax of the soft vote needs of
// them, in one (paper, eq. 7 and Algorithm 2):
// score[h][t] = scale * probe[h] . K[lo + t][h / GROUP], and for each head and
// block of candidates the largest score m and the sum of exp(score - m).
//
// q: [heads][d], the probe, or where p.turn is not 0 queries before RoPE, which
// are rotated to position p.pos; table: [positions][d], cosines, then sines; k:
// [rows][kv_heads][d], the cache or its key index; score: [heads][n]; stats:
// [heads][blocks][2].
// A workgroup takes a block, p.rounds times TOKENS candidates, of one key head
// and all its query heads: LANES invocations share a key, which is read once, in
// pieces, and keep their pieces of the probes. The order of the sum is the same
// for all candidates, so equal keys get equal scores. A NaN makes its block's sum
// NaN. Writes nothing on a hit.
//
// PIECE: dimensions of a piece; PIECES: pieces of an invocation; PROBE_VECS:
// vectors of four in all its pieces of the probes, GROUP_VECS: in all of them;
// LOADS: PIECES * keys of an invocation in a round; TOKENS: INVOCATIONS / LANES *
// those, or fewer; SCORES: GROUP * TOKENS, no more than INVOCATIONS; PARTIALS:
// SCORES * LANES.
//#const HEAD_DIM
//#const HALF
//#const GROUP
//#const LANES
//#const PIECE
//#const PIECES
//#const TOKENS
//#const PROBE_VECS
//#const GROUP_VECS
//#const LOADS
//#const SCORES
//#const PARTIALS
//#import lib/lowest
//#import lib/score
@group(0) @binding(2) var<storage, read> k: array<CachedPiece>;

var<workgroup> probe: array<vec4<f32>, GROUP_VECS>; // [GROUP][d / 4]
var<workgroup> partial: array<f32, PARTIALS>; // [GROUP][TOKENS][LANES], turned by token
var<workgroup> block_most: array<f32, 128>;   // [GROUP][TOKENS], then [GROUP][8]
var<workgroup> block_sum: array<f32, 128>;

// Where the sum of a lane stands: those who read them side by side are kept
// apart.
fn lane_at(token: u32, lane: u32) -> u32 {
    return token * LANES + (lane + token / (32u / LANES)) % LANES;
}

// The piece that an invocation reads as its j-th of a row; behind the last, the
// last again.
fn own_piece(lane: u32, j: u32) -> u32 {
    return min(lane + j * LANES, HEAD_DIM / PIECE - 1u);
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let block = number / p.kv_heads;
    let first = block * TOKENS * p.rounds;
    if (state[STATE_HIT] != 0u || first >= p.n) {
        return;
    }
    let lane = i % LANES;
    let own_token = i / LANES;
    for (var at = i; at < GROUP_VECS; at += INVOCATIONS) {
        probe[at] = probe_at(kv * GROUP + at / (HEAD_DIM / 4u), at % (HEAD_DIM / 4u));
    }
    workgroupBarrier();
    var own: array<vec4<f32>, PROBE_VECS>; // [GROUP][PIECES][PIECE / 4]
    for (var g = 0u; g < GROUP; g++) {
        for (var j = 0u; j < PIECES; j++) {
            for (var v = 0u; v < PIECE / 4u; v++) {
                let at = (lane + j * LANES) * (PIECE / 4u) + v;
                if (at < HEAD_DIM / 4u) {
                    own[(g * PIECES + j) * (PIECE / 4u) + v] = probe[g * (HEAD_DIM / 4u) + at];
                }
            }
        }
    }

    // Keys are asked for a round ahead: memory takes longer to answer than they
    // take to be multiplied. Behind the last candidate it is asked for again.
    let end = min(first + TOKENS * p.rounds, p.n);
    var next: array<CachedPiece, LOADS>; // [LOADS / PIECES][PIECES]
    for (var u = 0u; u < LOADS / PIECES; u++) {
        let head = (p.lo + min(first + u * (INVOCATIONS / LANES) + own_token, end - 1u)) * p.kv_heads + kv;
        for (var j = 0u; j < PIECES; j++) {
            next[u * PIECES + j] = k[head * (HEAD_DIM / PIECE) + own_piece(lane, j)];
        }
    }
    var most = LOWEST; // of the scores of this invocation
    var sum = 0.0;
    for (var from_token = first; from_token < end; from_token += TOKENS) {
        var keys = next;
        for (var u = 0u; u < LOADS / PIECES; u++) {
            let head = (p.lo + min(from_token + TOKENS + u * (INVOCATIONS / LANES) + own_token, end - 1u)) * p.kv_heads + kv;
            for (var j = 0u; j < PIECES; j++) {
                next[u * PIECES + j] = k[head * (HEAD_DIM / PIECE) + own_piece(lane, j)];
                }
        }
        for (var u = 0u; u < LOADS / PIECES; u++) {
            var sums: array<f32, GROUP>;
            for (var g = 0u; g < GROUP; g++) {
                sums[g] = 0.0;
            }
            for (var j = 0u; j < PIECES; j++) {
                if (lane + j * LANES < HEAD_DIM / PIECE) {
                    for (var v = 0u; v < PIECE / 4u; v++) {
                        let four = piece4(keys[u * PIECES + j], v);
                        for (var g = 0u; g < GROUP; g++) {
                            let part = own[(g * PIECES + j) * (PIECE / 4u) + v];
                            sums[g] = fma(part.w, four.w, fma(part.z, four.z, fma(part.y, four.y, fma(part.x, four.x, sums[g]))));
                        }
                    }
                }
            }
            let token = u * (INVOCATIONS / LANES) + own_token;
            if (token < TOKENS) {
                for (var g = 0u; g < GROUP; g++) {
                    partial[g * TOKENS * LANES + lane_at(token, lane)] = sums[g];
                }
            }
        }
        workgroupBarrier();
        if (i < SCORES) {
            let g = i / TOKENS;
            let token = i % TOKENS;
            if (from_token + token < end) {
                var s = 0.0;
                for (var l = 0u; l < LANES; l++) {
                    s += partial[g * TOKENS * LANES + lane_at(token, l)];
                }
                s *= p.scale;
                score[(kv * GROUP + g) * p.n + from_token + token] = s;
                if (s > most) {
                    sum = sum * exp(most - s) + 1.0;
                    most = s;
                } else {
                    sum += exp(s - most);
                }
            }
        }
        workgroupBarrier();
    }

    // The block's: of eighths of a head's invocations, then of those.
    block_most[i] = most;
    block_sum[i] = sum;
    workgroupBarrier();
    if (i < GROUP * 8u) {
        most = LOWEST;
        for (var j = i * (TOKENS / 8u); j < (i + 1u) * (TOKENS / 8u); j++) {
            most = max(most, block_most[j]);
        }
        sum = 0.0;
        for (var j = i * (TOKENS / 8u); j < (i + 1u) * (TOKENS / 8u); j++) {
            sum += block_sum[j] * exp(block_most[j] - most);
        }
    }
    workgroupBarrier();
    if (i < GROUP * 8u) {
        block_most[i] = most;
        block_sum[i] = sum;
    }
    workgroupBarrier();
    if (i < GROUP) {
        most = LOWEST;
        for (var j = i * 8u; j < i * 8u + 8u; j++) {
            most = max(most, block_most[j]);
        }
        sum = 0.0;
        for (var j = i * 8u; j < i * 8u + 8u; j++) {
            sum += block_sum[j] * exp(block_most[j] - most);
        }
        let to = 2u * ((kv * GROUP + i) * p.blocks + block);
        stats[to] = most;
        stats[to + 1u] = sum;
    }
}
