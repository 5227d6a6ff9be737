// The body of norm_matvec_*: lib/matvec with the root mean square normalisation before
// it and the bias or the gate after it, which in kernels of their own would each wait
// for the one before. A workgroup first brings x * gain to its own memory, and what the
// root mean square of x divides is the sum: y = (x * gain) wT / rms(x) + bias. With GATE
// the weight's rows are gate and then up, as many of each, of which neighbours in a
// workgroup are one and the other, and y = silu(gate) * up.
//
// PARTS: OUTPUTS * LANES + 256; SQUARES: OUTPUTS * EIGHTH, where the eighths of the sum
// of squares begin; EIGHTHS: SQUARES + EIGHTH; SCALED: vectors of four of the longest x.
// A kernel declares gain as array<vec4<f32>> and bias as array<f32>, at bindings that
// depend on the type of the weight.
//#import lib/grid
//#import lib/silu
//#const LANES
//#const ROWS
//#const GROUPS
//#const OUTPUTS
//#const PARTS
//#const GATE
//#const SQUARES
//#const EIGHTHS
//#const SCALED
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

var<workgroup> part: array<f32, PARTS>;  // [OUTPUTS][LANES], then squares of x, one of an invocation
var<workgroup> eighth: array<f32, EIGHTHS>; // [OUTPUTS + 1][EIGHTH]
var<workgroup> scaled: array<vec4<f32>, SCALED>; // x * gain: see place_of

// Where vector at of four values stands in scaled: first those that lead a vector of the
// weight, then the others in turn, so that neighbours read what stands side by side.
fn place_of(at: u32) -> u32 {
    return at % (VALUES / 4u) * (4u * SCALED / VALUES) + at / (VALUES / 4u);
}

fn input(at: u32) -> vec4<f32> {
    return scaled[place_of(at)];
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

@compute @workgroup_size(256)
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
    var squares: vec4<f32>;
    for (var j = i; j < p.k / 4u; j += 256u) {
        let v = x[p.x_offset / 4u + j];
        squares = fma(v, v, squares);
        scaled[place_of(j)] = v * gain[j];
    }
    part[OUTPUTS * LANES + i] = (squares.x + squares.y) + (squares.z + squares.w);
    workgroupBarrier();
    var sums: array<vec4<f32>, ROWS>;
    for (var j = lane; j < vectors; j += LANES) {
        let v = piece(j * (VALUES / 4u));
        for (var r = 0u; r < ROWS; r++) {
            sums[r] = add_products(sums[r], start[r] + j, v);
        }
    }
    for (var r = 0u; r < ROWS; r++) {
        part[(own + r) * LANES + lane] = (sums[r].x + sums[r].y) + (sums[r].z + sums[r].w);
    }
    workgroupBarrier();
    if (i < SQUARES) {
        var sum = 0.0;
        for (var j = 0u; j < LANES / EIGHTH; j++) {
            sum += part[i / EIGHTH * LANES + j * EIGHTH + i % EIGHTH];
        }
        eighth[i] = sum;
    }
    if (i < EIGHTH) {
        var sum = 0.0;
        for (var j = 0u; j < 256u / EIGHTH; j++) {
            sum += part[OUTPUTS * LANES + j * EIGHTH + i];
        }
        eighth[SQUARES + i] = sum;
    }
    workgroupBarrier();
    if (i >= OUTPUTS || first + i >= p.n) {
        return;
    }
    let inv = 1.0 / sqrt(total_of(SQUARES) / f32(p.k) + p.eps);
    var product = total_of(i * EIGHTH) * inv;
    if (GATE == 0u) {
        let at = p.y_offset + first + i;
        if (p.bias != 0u) {
            product += bias[at];
        }
        y[at] = product;
    } else if (i % 2u == 0u) {
        y[(first + i) / 2u] = silu(product) * (total_of((i + 1u) * EIGHTH) * inv);
    }
}
