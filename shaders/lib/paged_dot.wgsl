// Scores the candidates (paper, eq. 7 before the softmax, and Algorithm 2):
// score[h][t] = scale * probe[h] . K[lo + t][h / GROUP].
//
// probe: [heads][d]; k: [rows][kv_heads][d]; score: [heads][n].
// A workgroup takes p.rounds times TOKENS candidates of one key head and all its
// query heads: 8 invocations share a key, which is read once, in pieces of 8
// dimensions, and keep their pieces of the probes. The order of the sum is the
// same for all candidates, so equal keys get equal scores. Writes nothing on a
// hit.
//
// PIECES: pieces of an invocation; PROBE_VECS: 2 * GROUP * PIECES; LOADS: PIECES
// * TOKENS / 32; PARTIALS: GROUP * TOKENS * 8.
//#const HEAD_DIM
//#const GROUP
//#const PIECES
//#const TOKENS
//#const PROBE_VECS
//#const LOADS
//#const PARTIALS
//#import lib/grid
//#import lib/state
struct Params {
    lo: u32, // first candidate row
    n: u32,  // candidates
    kv_heads: u32,
    scale: f32,
    rounds: u32,
}

@group(0) @binding(0) var<storage, read> probe: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<Cached8>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> score: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

const LANES: u32 = 8u; // invocations that share a key

// [GROUP][TOKENS][LANES], the lanes of a token in an order that keeps those who
// read them side by side apart.
var<workgroup> partial: array<f32, PARTIALS>;

fn lane_at(token: u32, lane: u32) -> u32 {
    return token * LANES + (lane ^ ((token / 4u) % LANES));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let first = (number / p.kv_heads) * TOKENS * p.rounds;
    if (state[STATE_HIT] != 0u || first >= p.n) {
        return;
    }
    let lane = i % LANES;
    var own: array<vec4<f32>, PROBE_VECS>; // [GROUP][PIECES][2]
    for (var g = 0u; g < GROUP; g++) {
        for (var j = 0u; j < PIECES; j++) {
            let piece = lane + j * LANES;
            if (piece < HEAD_DIM / 8u) {
                let at = ((kv * GROUP + g) * (HEAD_DIM / 8u) + piece) * 2u;
                own[(g * PIECES + j) * 2u] = probe[at];
                own[(g * PIECES + j) * 2u + 1u] = probe[at + 1u];
            }
        }
    }

    // Keys are asked for a round ahead: memory takes longer to answer than they
    // take to be multiplied. Behind the last candidate it is asked for again.
    let end = min(first + TOKENS * p.rounds, p.n);
    var next: array<Cached8, LOADS>; // [TOKENS / 32][PIECES]
    for (var u = 0u; u < TOKENS / 32u; u++) {
        let row = (p.lo + min(first + u * 32u + i / LANES, end - 1u)) * p.kv_heads + kv;
        for (var j = 0u; j < PIECES; j++) {
            next[u * PIECES + j] = k[row * (HEAD_DIM / 8u) + min(lane + j * LANES, HEAD_DIM / 8u - 1u)];
        }
    }
    for (var from_token = first; from_token < end; from_token += TOKENS) {
        var keys = next;
        for (var u = 0u; u < TOKENS / 32u; u++) {
            let row = (p.lo + min(from_token + TOKENS + u * 32u + i / LANES, end - 1u)) * p.kv_heads + kv;
            for (var j = 0u; j < PIECES; j++) {
                next[u * PIECES + j] = k[row * (HEAD_DIM / 8u) + min(lane + j * LANES, HEAD_DIM / 8u - 1u)];
            }
        }
        for (var u = 0u; u < TOKENS / 32u; u++) {
            var sums: array<f32, GROUP>;
            for (var g = 0u; g < GROUP; g++) {
                sums[g] = 0.0;
            }
            for (var j = 0u; j < PIECES; j++) {
                if (lane + j * LANES < HEAD_DIM / 8u) {
                    let low = low4(keys[u * PIECES + j]);
                    let high = high4(keys[u * PIECES + j]);
                    for (var g = 0u; g < GROUP; g++) {
                        let at = (g * PIECES + j) * 2u;
                        sums[g] += dot(own[at], low) + dot(own[at + 1u], high);
                    }
                }
            }
            for (var g = 0u; g < GROUP; g++) {
                partial[g * TOKENS * LANES + lane_at(u * 32u + i / LANES, lane)] = sums[g];
            }
        }
        workgroupBarrier();
        for (var j = i; j < GROUP * TOKENS; j += 256u) {
            let g = j / TOKENS;
            let token = j % TOKENS;
            if (from_token + token < end) {
                let at = g * TOKENS * LANES;
                var sum = 0.0;
                for (var l = 0u; l < LANES; l++) {
                    sum += partial[at + lane_at(token, l)];
                }
                score[(kv * GROUP + g) * p.n + from_token + token] = sum * p.scale;
            }
        }
        workgroupBarrier();
    }
}
