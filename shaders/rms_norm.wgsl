// Root mean square normalisation of rows: y = x / sqrt(mean(x^2) + eps) * w.
//
// x: rows of cols values from x_offset on; w: [cols]; y: [rows][cols].
// A workgroup takes a row. A NaN in a row makes the whole row NaN.
//#import lib/grid
//#import lib/sum_max
struct Params {
    rows: u32,
    cols: u32,
    x_offset: u32,
    eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let row = group_index(id, groups);
    if (row >= p.rows) {
        return;
    }
    let first = p.x_offset + row * p.cols;
    var squares = 0.0;
    for (var j = i; j < p.cols; j += 256u) {
        let v = x[first + j];
        squares += v * v;
    }
    squares = workgroup_sum(i, squares);
    let inv = 1.0 / sqrt(squares / f32(p.cols) + p.eps);
    for (var j = i; j < p.cols; j += 256u) {
        y[row * p.cols + j] = x[first + j] * inv * w[j];
    }
}
