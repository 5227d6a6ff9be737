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

// The values of a row that an invocation has of the 2048 from column at on. They are
// asked for together; behind the last it is the last again.
fn eight_of(row: u32, at: u32) -> array<f32, 8> {
    var some: array<f32, 8>;
    for (var j = 0u; j < 8u; j++) {
        some[j] = x[p.x_offset + row * p.cols + min(at + 256u * j, p.cols - 1u)];
    }
    return some;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let row = group_index(id, groups);
    if (row >= p.rows) {
        return;
    }
    // The first 2048 columns, which are all of most rows, and their weights stay in
    // registers.
    var kept = eight_of(row, i);
    var gain: array<f32, 8>;
    for (var j = 0u; j < 8u; j++) {
        gain[j] = w[min(i + 256u * j, p.cols - 1u)];
    }
    var squares = 0.0;
    for (var at = i; at < p.cols; at += 2048u) {
        var some = kept;
        if (at > i) {
            some = eight_of(row, at);
        }
        for (var j = 0u; j < 8u; j++) {
            if (at + 256u * j < p.cols) {
                squares += some[j] * some[j];
            }
        }
    }
    squares = workgroup_sum(i, squares);
    let inv = 1.0 / sqrt(squares / f32(p.cols) + p.eps);
    for (var j = 0u; j < 8u; j++) {
        if (i + 256u * j < p.cols) {
            y[row * p.cols + i + 256u * j] = kept[j] * inv * gain[j];
        }
    }
    for (var at = i + 2048u; at < p.cols; at += 2048u) {
        var some = eight_of(row, at);
        for (var j = 0u; j < 8u; j++) {
            let col = at + 256u * j;
            if (col < p.cols) {
                y[row * p.cols + col] = some[j] * inv * w[col];
            }
        }
    }
}
