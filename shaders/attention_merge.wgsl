// Merges the parts of attention_decode: y = sum of exp(m - largest m) * o over
// the parts, divided by the same sum of their sums (paper, eq. 1).
//
// part: [splits][heads][d + 2], o then m then sum, splits <= 128; y: [heads * d].
// One workgroup a head. Empty parts (sum = 0) count for nothing.
//#import lib/grid
//#import lib/lowest
struct Params {
    heads: u32,
    d: u32,
    splits: u32,
}

@group(0) @binding(0) var<storage, read> part: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> largest: array<f32, 128>;
var<workgroup> sums: array<f32, 128>;
var<workgroup> weights: array<f32, 128>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let head = group_index(id, groups);
    if (head >= p.heads) {
        return;
    }
    if (i < p.splits) {
        let at = (i * p.heads + head) * (p.d + 2u) + p.d;
        largest[i] = part[at];
        sums[i] = part[at + 1u];
    }
    workgroupBarrier();
    var weight = 0.0;
    if (i < p.splits) {
        var m = LOWEST;
        for (var s = 0u; s < p.splits; s++) {
            m = max(m, largest[s]);
        }
        weight = select(exp(largest[i] - m), 0.0, sums[i] == 0.0);
    }
    weights[i] = weight;
    workgroupBarrier();
    var sum = 0.0;
    for (var s = 0u; s < p.splits; s++) {
        sum += weights[s] * sums[s];
    }
    for (var j = i; j < p.d; j += 128u) {
        // Four at a time, so that memory is asked for the next before it has
        // given the last; behind the last part weights are zero.
        var o = 0.0;
        let stride = p.heads * (p.d + 2u);
        let at = head * (p.d + 2u) + j;
        for (var s = 0u; s < p.splits; s += 4u) {
            let last = p.splits - 1u;
            let a = part[at + s * stride];
            let b = part[at + min(s + 1u, last) * stride];
            let c = part[at + min(s + 2u, last) * stride];
            let d = part[at + min(s + 3u, last) * stride];
            o += weights[s] * a;
            o += weights[s + 1u] * b;
            o += weights[s + 2u] * c;
            o += weights[s + 3u] * d;
        }
        y[head * p.d + j] = o / sum;
    }
}
