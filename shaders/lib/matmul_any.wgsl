// The body of matmul_any_*. A workgroup computes 64 x 64 values of y, 32 of k at a
// time, and an invocation 4 x 4 of them, 16 apart.
//#import lib/product_tile
//#import lib/multiply_any
const SIDE: u32 = 64u;
const FOURS: u32 = 8u; // of k in a tile

var<workgroup> xs: array<vec4<f32>, 512>; // [FOURS][SIDE]
var<workgroup> ws: array<vec4<f32>, 512>;

// Where four j of a row stands in a tile. The exclusive or spreads the eight
// fours of a row over the banks of the memory.
fn slot(j: u32, row: u32) -> u32 {
    return j * SIDE + (row ^ j);
}

fn store(row: u32, col: u32, sums: vec4<f32>) {
    if (row < p.rows) {
        for (var c = 0u; c < 4u; c++) {
            if (col + 16u * c < p.n) {
                let at = row * p.y_stride + p.y_offset + col + 16u * c;
                var sum = sums[c];
                if (p.add != 0u) {
                    sum += y[at];
                }
                y[at] = sum;
            }
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = product_tile(id, groups, SIDE, SIDE);
    let row0 = first.x;
    let col0 = first.y;
    if (col0 >= p.n) {
        return;
    }
    let r = i / 16u;
    let c = i % 16u;
    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k0 = 0u; k0 < p.k; k0 += 4u * FOURS) {
        for (var t = i; t < SIDE * FOURS; t += 256u) {
            let j = t % FOURS;
            let row = t / FOURS;
            xs[slot(j, row)] = x4(row0 + row, k0 + 4u * j);
            ws[slot(j, row)] = w4(col0 + row, k0 + 4u * j);
        }
        workgroupBarrier();
        for (var j = 0u; j < FOURS; j++) {
            let cols = mat4x4<f32>(ws[slot(j, c)], ws[slot(j, c + 16u)], ws[slot(j, c + 32u)], ws[slot(j, c + 48u)]);
            sum0 += xs[slot(j, r)] * cols;
            sum1 += xs[slot(j, r + 16u)] * cols;
            sum2 += xs[slot(j, r + 32u)] * cols;
            sum3 += xs[slot(j, r + 48u)] * cols;
        }
        workgroupBarrier();
    }
    store(row0 + r, col0 + c, sum0);
    store(row0 + r + 16u, col0 + c, sum1);
    store(row0 + r + 32u, col0 + c, sum2);
    store(row0 + r + 48u, col0 + c, sum3);
}
