// The body of matvec_*. LANES invocations share ROWS rows of the weight, so that
// what an invocation reads of x serves ROWS vectors; there are GROUPS times as
// many rows in all, of which neighbours take the same eight vectors, as reading x
// is what this would otherwise wait for. For a row that is not there the last one is
// computed and not written.
//#import lib/grid
//#import lib/multiply
//#import lib/input
//#const LANES
//#const ROWS
//#const GROUPS
//#const OUTPUTS
//#const PARTS
const EIGHTH: u32 = 8u; // invocations that sum up a row

var<workgroup> part: array<f32, PARTS>;  // [OUTPUTS][LANES]
var<workgroup> eighth: array<f32, 128>; // [OUTPUTS][EIGHTH]

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = group_index(id, groups) * OUTPUTS;
    let lane = i / 8u / GROUPS * 8u + i % 8u;
    let own = i / 8u % GROUPS * ROWS; // the first of this invocation's rows
    let vectors = p.k / VALUES;
    var start: array<u32, ROWS>;
    for (var r = 0u; r < ROWS; r++) {
        start[r] = min(first + own + r, p.n - 1u) * vectors;
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
    workgroupBarrier();
    if (i < OUTPUTS * EIGHTH) {
        var sum = 0.0;
        for (var j = 0u; j < LANES / EIGHTH; j++) {
            sum += part[i / EIGHTH * LANES + j * EIGHTH + i % EIGHTH];
        }
        eighth[i] = sum;
    }
    workgroupBarrier();
    if (i < OUTPUTS && first + i < p.n) {
        var total = 0.0;
        for (var j = 0u; j < EIGHTH; j++) {
            total += eighth[i * EIGHTH + j];
        }
        let at = p.y_offset + first + i;
        if (p.add != 0u) {
            total += y[at];
        }
        y[at] = total;
    }
}
