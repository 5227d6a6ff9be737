// What matmul_* and matvec_* share, but for weights whose rows may have any
// length: a row is a multiple of 32 values, so that x and the weight are read
// four words at a time.
struct Params {
    rows: u32,     // of x
    k: u32,        // values summed over
    n: u32,        // rows of the weight, columns of y
    x_offset: u32, // of the first row in x, a multiple of 4
    y_stride: u32, // values from row to row of y
    y_offset: u32, // of the first column in a row of y
    add: u32,      // 1: to what y holds
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
