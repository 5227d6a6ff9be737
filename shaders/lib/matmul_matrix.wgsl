// The body of matmul_*_matrix, where subgroups of 32 multiply matrices of 16 x 16
// float16 into float32. A workgroup computes the baseline's 64 x COLS values of y,
// 32 of k at a time, each of its four subgroups 32 rows of half the columns. What is
// loaded of the next 32 is under way meanwhile.
//
// Float16 ends at 65504 and has all its bits from 6e-5 on, x neither. So rows are
// multiplied as they are, and their largest values found meanwhile; if one is
// beyond what float16 holds, or next to nothing, all is done once more with each row
// times the power of two that brings its largest value to 1024 and more, as far as
// float32 has it. Weights beyond 65504, which no model has, come to infinity.
//
// COLS: of y, two subgroups' BLOCKS of 16; LOADS: vectors of the weight that an
// invocation loads of a tile.
//#const COLS
//#const BLOCKS
//#const RESULTS
//#const LOADS
//#const TILE
//#import lib/product_tile
//#import lib/multiply
//#import lib/input

const ROWS: u32 = 64u;
const FOURS: u32 = 8u; // of k in a tile
const STRIDE: u32 = 40u; // eight values beyond a row's 32 spread the rows over the banks of memory
const SUM_STRIDE: u32 = 20u;
const MOST: f32 = 60000.0;
const LEAST: f32 = 0.004;

var<workgroup> xs: array<f16, 2560>;
var<workgroup> ws: array<f16, TILE>;
var<workgroup> sums: array<f32, 1280>; // of a subgroup 16 rows of SUM_STRIDE
var<workgroup> over: array<f32, 64>; // what a row's sums are to be multiplied by
// x: 1 if some row does not fit. Four words, as a matrix is read well only from
// addresses that are multiples of 16 bytes, and nothing but what lies before it aligns
// an array.
var<workgroup> again: vec4<u32>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = product_tile(id, groups, ROWS, COLS);
    let row0 = first.x;
    let col0 = first.y;
    if (col0 >= p.n) {
        return;
    }
    let subgroup = i / 32u;
    let my_rows = subgroup / 2u * 32u;
    let my_cols = subgroup % 2u * (COLS / 2u);
    // What this invocation reads: of x every 16 rows, of the weight every 64. For rows
    // that are not there the last one is read, and they are not written.
    let k4 = p.k / 4u;
    let x_row = vec4<u32>(row0 + i / FOURS) + vec4<u32>(0u, 16u, 32u, 48u);
    let x_at = p.x_offset / 4u + i % FOURS + min(x_row, vec4<u32>(p.rows - 1u)) * k4;
    let x_to = i / FOURS * STRIDE + i % FOURS * 4u;
    let w_to = i / 2u * STRIDE + i % 2u * 16u;
    let tiles = p.k / 32u;

    if (i < ROWS) {
        over[i] = 1.0;
    }
    if (i == 0u) {
        again = vec4<u32>(0u);
    }
    var scale = vec4<f32>(1.0);
    var s: array<Result, RESULTS>;
    for (var round = 0u; round < 2u; round++) {
//#each R RESULTS
        s[R] = Result();
//#end
        var most = vec4<f32>();
        var a = x[x_at.x];
        var b = x[x_at.y];
        var c = x[x_at.z];
        var d = x[x_at.w];
        var f: array<Sixteen, LOADS>;
//#each LOAD LOADS
        f[LOAD] = sixteen(w_vector(col0, i, LOAD));
//#end
        for (var k0 = 0u; k0 < tiles; k0++) {
            most = max(most, vec4<f32>(largest(a), largest(b), largest(c), largest(d)));
            put_x(x_to, a * scale.x);
            put_x(x_to + 16u * STRIDE, b * scale.y);
            put_x(x_to + 32u * STRIDE, c * scale.z);
            put_x(x_to + 48u * STRIDE, d * scale.w);
//#each LOAD LOADS
            put_w(w_to + LOAD * 64u * STRIDE, fours(f[LOAD]));
//#end
            workgroupBarrier();
            let next = min(k0 + 1u, tiles - 1u);
            a = x[x_at.x + next * FOURS];
            b = x[x_at.y + next * FOURS];
            c = x[x_at.z + next * FOURS];
            d = x[x_at.w + next * FOURS];
//#each LOAD LOADS
            f[LOAD] = sixteen(w_vector(col0, i, LOAD) + 2u * next);
//#end
//#each STEP 2
            {
                let upper = subgroupMatrixLoad<Left>(&xs, my_rows * STRIDE + STEP * 16u, false, STRIDE);
                let lower = subgroupMatrixLoad<Left>(&xs, (my_rows + 16u) * STRIDE + STEP * 16u, false, STRIDE);
//#each B BLOCKS
                {
                    let cols = subgroupMatrixLoad<Right>(&ws, (my_cols + B * 16u) * STRIDE + STEP * 16u, true, STRIDE);
                    s[B] = subgroupMatrixMultiplyAccumulate(upper, cols, s[B]);
                    s[BLOCKS + B] = subgroupMatrixMultiplyAccumulate(lower, cols, s[BLOCKS + B]);
                }
//#end
            }
//#end
            workgroupBarrier();
        }
        if (round == 1u) {
            break;
        }
        // A row was read by eight neighbours.
        most = max(most, subgroupShuffleXor(most, 1u));
        most = max(most, subgroupShuffleXor(most, 2u));
        most = max(most, subgroupShuffleXor(most, 4u));
        if (any((most > vec4<f32>(MOST)) | ((most < vec4<f32>(LEAST)) & (most > vec4<f32>())))) {
            again.x = 1u;
        }
        if (workgroupUniformLoad(&again).x == 0u) {
            break;
        }
        let exponent = clamp(264u - min(bitcast<vec4<u32>>(most) >> vec4<u32>(23u), vec4<u32>(254u)), vec4<u32>(1u), vec4<u32>(253u));
        scale = bitcast<vec4<f32>>(exponent << vec4<u32>(23u));
        if (i % FOURS == 0u) {
            let back = bitcast<vec4<f32>>((vec4<u32>(254u) - exponent) << vec4<u32>(23u));
            over[i / FOURS] = back.x;
            over[i / FOURS + 16u] = back.y;
            over[i / FOURS + 32u] = back.z;
            over[i / FOURS + 48u] = back.w;
        }
    }

    let lane = i % 32u;
    let mine = subgroup * 16u * SUM_STRIDE;
//#each HALF 2
//#each B BLOCKS
    subgroupMatrixStore(&sums, mine, s[HALF * BLOCKS + B], false, SUM_STRIDE);
    workgroupBarrier();
//#each E 8
    {
        // Neighbours write next to each other.
        let r = E * 2u + lane / 16u;
        let row = my_rows + HALF * 16u + r;
        store(row0 + row, col0 + my_cols + B * 16u + lane % 16u, sums[mine + r * SUM_STRIDE + lane % 16u] * over[row]);
    }
//#end
    workgroupBarrier();
//#end
//#end
}

// The first vector of 16 values of the weight's row, and the half of 32, that load l of invocation
// i is about.
fn w_vector(col0: u32, i: u32, l: u32) -> u32 {
    return min(col0 + l * 64u + i / 2u, p.n - 1u) * (p.k / 16u) + i % 2u;
}

fn largest(v: vec4<f32>) -> f32 {
    let a = abs(v);
    return max(max(a.x, a.y), max(a.z, a.w));
}

fn put_x(to: u32, v: vec4<f32>) {
    xs[to] = f16(v.x);
    xs[to + 1u] = f16(v.y);
    xs[to + 2u] = f16(v.z);
    xs[to + 3u] = f16(v.w);
}

fn put_w(to: u32, v: mat4x4<f32>) {
//#each J 4
    ws[to + J * 4u] = f16(v[J].x);
    ws[to + J * 4u + 1u] = f16(v[J].y);
    ws[to + J * 4u + 2u] = f16(v[J].z);
    ws[to + J * 4u + 3u] = f16(v[J].w);
//#end
}

fn store(row: u32, col: u32, sum: f32) {
    if (row < p.rows && col < p.n) {
        let at = row * p.y_stride + p.y_offset + col;
        if (p.add != 0u) {
            y[at] += sum;
        } else {
            y[at] = sum;
        }
    }
}
