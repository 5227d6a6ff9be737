// The body of matvec_any_*. A workgroup multiplies 2 rows of the weight; 32
// invocations share a row. There is one barrier, as it costs more than the
// reads of x that sharing them through workgroup memory would save: x stays in
// the nearest cache.
//#import lib/grid
//#import lib/multiply_any
const ROWS: u32 = 2u;
const LANES: u32 = 32u;

var<workgroup> part: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = group_index(id, groups) * ROWS;
    if (first >= p.n) {
        return;
    }
    let row = first + i / LANES;
    let lane = i % LANES;
    // Of a row that is not there the last one is computed and not written.
    let start = min(row, p.n - 1u) * p.k;
    var sum = 0.0;
    // Reads without a check of their own, so that they overlap.
    let whole = p.k / 4u;
    for (var j = lane; j < whole; j += LANES) {
        let at = p.x_offset + 4u * j;
        sum += dot(vec4<f32>(x[at], x[at + 1u], x[at + 2u], x[at + 3u]), weight4(start + 4u * j));
    }
    if (lane == LANES - 1u) {
        sum += dot(x4(0u, 4u * whole), w4(min(row, p.n - 1u), 4u * whole));
    }
    part[i] = sum;
    workgroupBarrier();
    if (lane == 0u && row < p.n) {
        var total = 0.0;
        for (var j = 0u; j < LANES; j++) {
            total += part[i + j];
        }
        if (p.add != 0u) {
            total += y[p.y_offset + row];
        }
        y[p.y_offset + row] = total;
    }
}
