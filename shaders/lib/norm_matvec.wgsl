// The body of norm_matvec_*: lib/matvec with the root mean square normalisation before
// it and the bias or the gate after it, which in kernels of their own would each wait
// for the one before. Each value of x is multiplied by its gain as it is read, and what
// the root mean square of x divides is the sum: y = (x * gain) wT / rms(x) + bias. With
// GATE the weight's rows are gate and then up, as many of each, of which neighbours in a
// workgroup are one and the other, and y = silu(gate) * up.
//
// PARTS: (OUTPUTS + 1) * LANES; SQUARES: OUTPUTS * EIGHTH, where the eighths of the sum
// of squares begin; gain and bias: the vectors of four and the values that a kernel binds; input needs x
// and gain.
//#import lib/grid
//#const LANES
//#const ROWS
//#const GROUPS
//#const OUTPUTS
//#const PARTS
//#const GATE
//#const SQUARES
struct Params {
    k: u32,        // values summed over
    n: u32,        // rows of the weight
    x_offset: u32, // of x, a multiple of 4
    y_offset: u32, // of the first row's product in y and in bias
    bias: u32,     // 1: there is one
    eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

const EIGHTH: u32 = 8u; // invocations that sum up a row

var<workgroup> part: array<f32, PARTS>;  // [OUTPUTS + 1][LANES], the squares last
var<workgroup> eighth: array<f32, 136>; // [OUTPUTS + 1][EIGHTH]
var<private> squares: vec4<f32>;        // of what this invocation has read of x

fn input(at: u32) -> vec4<f32> {
    let v = x[at];
    squares = fma(v, v, squares);
    return v * gain[at - p.x_offset / 4u];
}

// The row of the weight that the at-th of all products is with. For a row that is not
// there it is the last one, whose product is not written.
fn row_of(at: u32) -> u32 {
    let product = min(at, p.n - 1u);
    if (GATE == 0u) {
        return product;
    }
    return product / 2u + product % 2u * (p.n / 2u);
}

fn total_of(at: u32) -> f32 {
    var total = 0.0;
    for (var j = 0u; j < EIGHTH; j++) {
        total += eighth[at + j];
    }
    return total;
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = group_index(id, groups) * OUTPUTS;
    let lane = i / 8u / GROUPS * 8u + i % 8u;
    let own = i / 8u % GROUPS * ROWS; // the first of this invocation's rows
    let vectors = p.k / VALUES;
    var start: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        start[r] = row_of(first + own + r) * vectors;
    }
    var sums: array<vec4<f32>, ROWS>;
    for (var j = lane; j < vectors; j += LANES) {
        let v = piece(p.x_offset / 4u + j * (VALUES / 4u));
        for (var r = 0u; r < ROWS; r++) {
            sums[r] = add_products(sums[r], start[r] + j, v);
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        part[(own + r) * LANES + lane] = (sums[r].x + sums[r].y) + (sums[r].z + sums[r].w);
    }
    if (own == 0u) {
        part[OUTPUTS * LANES + lane] = (squares.x + squares.y) + (squares.z + squares.w);
    }
    workgroupBarrier();
    for (var e = i; e < SQUARES + EIGHTH; e += 128u) {
        var sum = 0.0;
        for (var j = e % EIGHTH; j < LANES; j += EIGHTH) {
            sum += part[e / EIGHTH * LANES + j];
        }
        eighth[e] = sum;
    }
    workgroupBarrier();
    if (i >= OUTPUTS || first + i >= p.n) {
        return;
    }
    let inv = 1.0 / sqrt(total_of(SQUARES) / f32(p.k) + p.eps);
    let own_product = total_of(i * EIGHTH) * inv;
    if (GATE == 0u) {
        let at = p.y_offset + first + i;
        y[at] = own_product + select(0.0, bias[select(0u, at, p.bias != 0u)], p.bias != 0u);
    } else if (i % 2u == 0u) {
        // Of the two forms of the sigmoid the one that cannot overflow, as in swiglu.
        let e = exp(-abs(own_product));
        let sigmoid = select(1.0, e, own_product < 0.0) / (1.0 + e);
        y[(first + i) / 2u] = own_product * sigmoid * (total_of((i + 1u) * EIGHTH) * inv);
    }
}
