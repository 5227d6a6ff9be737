// Merges the parts of attention_decode: y = sum of exp(m - largest m) * o over
// the parts, divided by the same sum of their sums (paper, eq. 1).
//
// part: [splits][heads][d + 2], o then m then sum, splits <= 64; y: [heads * d].
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

var<workgroup> largest: array<f32, 64>;
var<workgroup> sums: array<f32, 64>;
var<workgroup> weights: array<f32, 64>;

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
    if (i < p.splits) {
        var m = LOWEST;
        for (var s = 0u; s < p.splits; s++) {
            m = max(m, largest[s]);
        }
        weights[i] = select(exp(largest[i] - m), 0.0, sums[i] == 0.0);
    }
    workgroupBarrier();
    var sum = 0.0;
    for (var s = 0u; s < p.splits; s++) {
        sum += weights[s] * sums[s];
    }
    for (var j = i; j < p.d; j += 128u) {
        var o = 0.0;
        for (var s = 0u; s < p.splits; s++) {
            o += weights[s] * part[(s * p.heads + head) * (p.d + 2u) + j];
        }
        y[head * p.d + j] = o / sum;
    }
}
