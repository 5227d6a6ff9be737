// The body of matmul_large_*. A workgroup computes 64 x 128 values of y, 16 of k
// at a time: an invocation 8 rows, 8 apart, of 8 columns, 16 apart. Faster than
// lib/matmul where there are enough such tiles for every processor to have
// several: less than half of what it reads of workgroup memory, but fewer
// workgroups to wait in turns.
//#import lib/product_tile
//#import lib/multiply_tile
const ROWS: u32 = 64u;
const COLS: u32 = 128u;

// Four values j of k of row r + 8 m of x are xs[m][8 j + (r ^ 2 j)], those of row
// c + 16 n of the weight ws[n][16 j + (c ^ 2 j)]: the exclusive or spreads the
// fours of a row over the banks of the memory, and the constant m and n spare
// the compilers a check of each index.
var<workgroup> xs: array<array<vec4<f32>, 32>, 8>;
var<workgroup> ws: array<array<vec4<f32>, 64>, 8>;

fn put_x(e: u32, v: vec4<f32>) {
    let j = e % 4u;
    let row = e / 4u;
    xs[row / 8u][8u * j + ((row % 8u) ^ (2u * j))] = v;
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = product_tile(id, groups, ROWS, COLS);
    let row0 = first.x;
    let col0 = first.y;
    if (col0 >= p.n) {
        return;
    }
    let r = i / 16u;
    let c = i % 16u;
    // What this invocation reads: of x two rows, 32 apart, of the weight one. For
    // rows that are not there the last one is read, and they are not written.
    let k4 = p.k / 4u;
    let x_row = vec2<u32>(row0 + i / 4u) + vec2<u32>(0u, 32u);
    let x_at = p.x_offset / 4u + i % 4u + min(x_row, vec2<u32>(p.rows - 1u)) * k4;
    let w_at = min(col0 + i, p.n - 1u) * (p.k / 16u);
    // Written out, as some compilers keep arrays of this size in memory: rows of
    // the left four columns, and of the right four.
    var l0 = vec4<f32>();
    var l1 = vec4<f32>();
    var l2 = vec4<f32>();
    var l3 = vec4<f32>();
    var l4 = vec4<f32>();
    var l5 = vec4<f32>();
    var l6 = vec4<f32>();
    var l7 = vec4<f32>();
    var r0 = vec4<f32>();
    var r1 = vec4<f32>();
    var r2 = vec4<f32>();
    var r3 = vec4<f32>();
    var r4 = vec4<f32>();
    var r5 = vec4<f32>();
    var r6 = vec4<f32>();
    var r7 = vec4<f32>();
    for (var k0 = 0u; k0 < p.k / 16u; k0++) {
        let a = x[x_at.x + 4u * k0];
        let b = x[x_at.y + 4u * k0];
        let d = sixteen(w_at + k0);
        workgroupBarrier();
        put_x(i, a);
        put_x(i + 128u, b);
        let w4 = fours(d);
        ws[i / 16u][c] = w4[0];
        ws[i / 16u][16u + (c ^ 2u)] = w4[1];
        ws[i / 16u][32u + (c ^ 4u)] = w4[2];
        ws[i / 16u][48u + (c ^ 6u)] = w4[3];
        workgroupBarrier();
        for (var j = 0u; j < 4u; j++) {
            let x_slot = 8u * j + (r ^ (2u * j));
            let w_slot = 16u * j + (c ^ (2u * j));
            let left = transpose(mat4x4<f32>(ws[0][w_slot], ws[1][w_slot], ws[2][w_slot], ws[3][w_slot]));
            let right = transpose(mat4x4<f32>(ws[4][w_slot], ws[5][w_slot], ws[6][w_slot], ws[7][w_slot]));
            let x0 = xs[0][x_slot];
            l0 = add(l0, x0, left);
            r0 = add(r0, x0, right);
            let x1 = xs[1][x_slot];
            l1 = add(l1, x1, left);
            r1 = add(r1, x1, right);
            let x2 = xs[2][x_slot];
            l2 = add(l2, x2, left);
            r2 = add(r2, x2, right);
            let x3 = xs[3][x_slot];
            l3 = add(l3, x3, left);
            r3 = add(r3, x3, right);
            let x4 = xs[4][x_slot];
            l4 = add(l4, x4, left);
            r4 = add(r4, x4, right);
            let x5 = xs[5][x_slot];
            l5 = add(l5, x5, left);
            r5 = add(r5, x5, right);
            let x6 = xs[6][x_slot];
            l6 = add(l6, x6, left);
            r6 = add(r6, x6, right);
            let x7 = xs[7][x_slot];
            l7 = add(l7, x7, left);
            r7 = add(r7, x7, right);
        }
    }
    let row = row0 + r;
    let col = col0 + c;
    store(row, col, l0);
    store(row, col + 64u, r0);
    store(row + 8u, col, l1);
    store(row + 8u, col + 64u, r1);
    store(row + 16u, col, l2);
    store(row + 16u, col + 64u, r2);
    store(row + 24u, col, l3);
    store(row + 24u, col + 64u, r3);
    store(row + 32u, col, l4);
    store(row + 32u, col + 64u, r4);
    store(row + 40u, col, l5);
    store(row + 40u, col + 64u, r5);
    store(row + 48u, col, l6);
    store(row + 48u, col + 64u, r6);
    store(row + 56u, col, l7);
    store(row + 56u, col + 64u, r7);
}
