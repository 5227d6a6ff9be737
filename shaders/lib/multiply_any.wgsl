// What matmul_any_* and matvec_any_* share: needs weight and weight4 of lib/weight_*.
struct Params {
    rows: u32,     // of x
    k: u32,        // values summed over
    n: u32,        // rows of the weight, columns of y
    x_offset: u32, // of the first row in x
    y_stride: u32, // values from row to row of y
    y_offset: u32, // of the first column in a row of y
    add: u32,      // 1: to what y holds
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

// Values j to j+3 of a row of x; 0 beyond the last.
fn x4(row: u32, j: u32) -> vec4<f32> {
    let at = p.x_offset + row * p.k + j;
    if (row >= p.rows || j >= p.k) {
        return vec4<f32>();
    }
    if (j + 4u <= p.k) {
        return vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]);
    }
    var v = vec4<f32>(x[at], 0.0, 0.0, 0.0);
    if (j + 1u < p.k) {
        v.y = x[at + 1u];
    }
    if (j + 2u < p.k) {
        v.z = x[at + 2u];
    }
    return v;
}

// Values j to j+3 of a row of the weight, where j is a multiple of 4; 0 beyond
// the last.
fn w4(row: u32, j: u32) -> vec4<f32> {
    let at = row * p.k + j;
    if (row >= p.n || j >= p.k) {
        return vec4<f32>();
    }
    if (j + 4u <= p.k) {
        return weight4(at);
    }
    var v = vec4<f32>(weight(at), 0.0, 0.0, 0.0);
    if (j + 1u < p.k) {
        v.y = weight(at + 1u);
    }
    if (j + 2u < p.k) {
        v.z = weight(at + 2u);
    }
    return v;
}
