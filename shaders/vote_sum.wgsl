// Votes of the candidates, each the sum of what the heads say, in one of several
// ways: see engine/kernels/vote_sum.go.
//
// score: [heads][n], as bits; of_head: [heads][2], of head_stats or head_cut; vote:
// [n], as bits. A workgroup takes 256 candidates. Heads are added in order, so equal
// scores get equal votes. Writes nothing on a hit.
//#import lib/bf16
//#import lib/grid
//#import lib/sort_key
//#import lib/state
struct Params {
    heads: u32,
    n: u32, // candidates
    mode: u32,
    add: u32, // 1: masses join the votes that are there
}

@group(0) @binding(0) var<storage, read> score: array<u32>;
@group(0) @binding(1) var<storage, read> of_head: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> vote: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

const SCORES: u32 = 0u;
const MASS: u32 = 1u;
const MASS_BF16: u32 = 2u;
const COUNT: u32 = 3u;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let t = group_index(id, groups) * 256u + i;
    if (state[STATE_HIT] != 0u || t >= p.n) {
        return;
    }
    let before = vote[t];
    var sum = 0.0;
    var count = 0u;
    if (p.add != 0u) {
        sum = bitcast<f32>(before);
    }
    for (var head = 0u; head < p.heads; head++) {
        let bits = score[head * p.n + t];
        if (p.mode == SCORES) {
            sum += bitcast<f32>(bits);
        } else if (p.mode <= MASS_BF16) {
            let most_inverse = bitcast<vec2<f32>>(of_head[head]);
            let mass = exp(bitcast<f32>(bits) - most_inverse.x) * most_inverse.y;
            if (p.mode == MASS) {
                sum += mass;
            } else {
                sum += bitcast<f32>(round_bits(bitcast<u32>(mass)));
            }
        } else {
            let key = sort_key(bits);
            let cut = of_head[head];
            count += u32(key > cut.x || (key == cut.x && t <= cut.y));
        }
    }
    var result = bitcast<u32>(sum);
    if (p.mode == MASS_BF16) {
        result = round_bits(result);
    } else if (p.mode == COUNT) {
        result = (count << 23u) | (before >> 8u);
    }
    vote[t] = result;
}
