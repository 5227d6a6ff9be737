// What matmul_* and matmul_large_* share.
//#import lib/multiply
//#import lib/input
// sums + v times four columns of the weight. As fma: the product of a vector and
// a matrix takes twice as many instructions.
fn add(sums: vec4<f32>, v: vec4<f32>, cols: mat4x4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(v.w), cols[3], fma(vec4<f32>(v.z), cols[2], fma(vec4<f32>(v.y), cols[1], fma(vec4<f32>(v.x), cols[0], sums))));
}

// Writes what row has in four columns, 16 apart.
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
