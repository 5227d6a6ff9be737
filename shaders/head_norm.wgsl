// Root mean square normalisation of each head, in place, as Qwen3 does with
// queries and keys.
//
// x: rows of stride values, with heads heads of d values from offset on; w: [d].
// A workgroup takes a head. A NaN in a head makes the whole head NaN.
//#import lib/grid
//#import lib/sum_max
struct Params {
    rows: u32,
    heads: u32,
    d: u32,
    stride: u32,
    offset: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let head = group_index(id, groups);
    if (head >= p.rows * p.heads) {
        return;
    }
    let first = (head / p.heads) * p.stride + p.offset + (head % p.heads) * p.d;
    var squares = 0.0;
    for (var j = i; j < p.d; j += 256u) {
        let v = x[first + j];
        squares += v * v;
    }
    squares = workgroup_sum(i, squares);
    let inv = 1.0 / sqrt(squares / f32(p.d) + p.eps);
    for (var j = i; j < p.d; j += 256u) {
        x[first + j] = x[first + j] * inv * w[j];
    }
}
