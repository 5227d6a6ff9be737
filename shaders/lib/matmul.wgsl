// The body of matmul_*. A workgroup computes 64 x 64 values of y, 32 of k at a
// time: an invocation 8 rows, 8 apart, of 4 columns, 16 apart. That is wide
// enough that multiplying, not workgroup memory, takes most of the time.
//#import lib/product_tile
//#import lib/multiply_tile
const SIDE: u32 = 64u;
const FOURS: u32 = 8u; // of k in a tile

// Four values j of k of row r + 8 m of x are xs[m][8 j + (r ^ j)], those of row
// c + 16 n of the weight ws[n][16 j + (c ^ j)]: the exclusive or spreads the
// fours of a row over the banks of the memory, and the constant m and n spare
// the compilers a check of each index.
var<workgroup> xs: array<array<vec4<f32>, 64>, 8>;
var<workgroup> ws: array<array<vec4<f32>, 128>, 4>;

fn put_x(e: u32, v: vec4<f32>) {
    let j = e % FOURS;
    let row = e / FOURS;
    xs[row / 8u][8u * j + ((row % 8u) ^ j)] = v;
}

@compute @workgroup_size(128)
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
    // What this invocation reads, of x every 16 rows. For rows that are not there
    // the last one is read, and they are not written.
    let k4 = p.k / 4u;
    let x_row = vec4<u32>(row0 + i / FOURS) + vec4<u32>(0u, 16u, 32u, 48u);
    let x_at = p.x_offset / 4u + i % FOURS + min(x_row, vec4<u32>(p.rows - 1u)) * k4;
    let w_at = min(col0 + i / 2u, p.n - 1u) * (p.k / 16u) + i % 2u;
    let w_j = i % 2u * 4u;
    let w_n = i / 32u;
    let w_c = i / 2u % 16u;
    // Written out, as some compilers keep an array of them in memory.
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    var s4 = vec4<f32>();
    var s5 = vec4<f32>();
    var s6 = vec4<f32>();
    var s7 = vec4<f32>();
    for (var k0 = 0u; k0 < p.k / 32u; k0++) {
        let a = x[x_at.x + k0 * FOURS];
        let b = x[x_at.y + k0 * FOURS];
        let d = x[x_at.z + k0 * FOURS];
        let e = x[x_at.w + k0 * FOURS];
        let f = sixteen(w_at + 2u * k0);
        workgroupBarrier();
        put_x(i, a);
        put_x(i + 128u, b);
        put_x(i + 256u, d);
        put_x(i + 384u, e);
        let w4 = fours(f);
        ws[w_n][16u * w_j + (w_c ^ w_j)] = w4[0];
        ws[w_n][16u * w_j + 16u + (w_c ^ (w_j + 1u))] = w4[1];
        ws[w_n][16u * w_j + 32u + (w_c ^ (w_j + 2u))] = w4[2];
        ws[w_n][16u * w_j + 48u + (w_c ^ (w_j + 3u))] = w4[3];
        workgroupBarrier();
        for (var j = 0u; j < FOURS; j++) {
            let x_slot = 8u * j + (r ^ j);
            let w_slot = 16u * j + (c ^ j);
            let cols = transpose(mat4x4<f32>(ws[0][w_slot], ws[1][w_slot], ws[2][w_slot], ws[3][w_slot]));
            s0 = add(s0, xs[0][x_slot], cols);
            s1 = add(s1, xs[1][x_slot], cols);
            s2 = add(s2, xs[2][x_slot], cols);
            s3 = add(s3, xs[3][x_slot], cols);
            s4 = add(s4, xs[4][x_slot], cols);
            s5 = add(s5, xs[5][x_slot], cols);
            s6 = add(s6, xs[6][x_slot], cols);
            s7 = add(s7, xs[7][x_slot], cols);
        }
    }
    let row = row0 + r;
    let col = col0 + c;
    store(row, col, s0);
    store(row + 8u, col, s1);
    store(row + 16u, col, s2);
    store(row + 24u, col, s3);
    store(row + 32u, col, s4);
    store(row + 40u, col, s5);
    store(row + 48u, col, s6);
    store(row + 56u, col, s7);
}
