// Scores the candidates (paper, eq. 7 before the softmax, and Algorithm 2):
// score[h][t] = scale * probe[h] . K[lo + t][h / GROUP].
//
// probe: [heads][d]; k: [rows][kv_heads][d]; score: [heads][n].
// A workgroup takes 64 candidates of one key head and all its query heads: 4
// invocations share a key, read once. The order of the sum is the same for all
// candidates, so equal keys get equal scores. Writes nothing on a hit.
//#const HEAD_DIM
//#const GROUP
//#const PROBE_VECS
//#const PARTIALS
//#import lib/grid
//#import lib/state
struct Params {
    lo: u32, // first candidate row
    n: u32,  // candidates
    kv_heads: u32,
    scale: f32,
}

@group(0) @binding(0) var<storage, read> probe: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<Cached>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> score: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

const TOKENS: u32 = 64u;
const LANES: u32 = 4u; // invocations that share a key

var<workgroup> probes: array<vec4<f32>, PROBE_VECS>; // [GROUP][d / 4]
var<workgroup> partial: array<f32, PARTIALS>;        // [GROUP][LANES][TOKENS]

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let first = (number / p.kv_heads) * TOKENS;
    if (state[STATE_HIT] != 0u || first >= p.n) {
        return;
    }
    for (var j = i; j < PROBE_VECS; j += 256u) {
        probes[j] = probe[kv * PROBE_VECS + j];
    }
    workgroupBarrier();

    let token = i / LANES;
    let lane = i % LANES;
    var sums: array<f32, GROUP>;
    if (first + token < p.n) {
        let row = ((p.lo + first + token) * p.kv_heads + kv) * (HEAD_DIM / 4u);
        for (var j = lane; j < HEAD_DIM / 8u; j += LANES) {
            let a = cached4(k[row + 2u * j]);
            let b = cached4(k[row + 2u * j + 1u]);
            for (var g = 0u; g < GROUP; g++) {
                let at = g * (HEAD_DIM / 4u) + 2u * j;
                sums[g] += dot(probes[at], a) + dot(probes[at + 1u], b);
            }
        }
    }
    for (var g = 0u; g < GROUP; g++) {
        partial[(g * LANES + lane) * TOKENS + token] = sums[g];
    }
    workgroupBarrier();

    for (var j = i; j < GROUP * TOKENS; j += 256u) {
        let g = j / TOKENS;
        let t = j % TOKENS;
        if (first + t < p.n) {
            let at = g * LANES * TOKENS + t;
            let sum = (partial[at] + partial[at + TOKENS]) + (partial[at + 2u * TOKENS] + partial[at + 3u * TOKENS]);
            score[(kv * GROUP + g) * p.n + first + t] = sum * p.scale;
        }
    }
}
