// The body of matvec_*_subgroup: lib/matvec for a weight of few rows, whose sums
// subgroups add up, so that a workgroup waits for its invocations once instead of
// twice and reads back one sum of a row for each subgroup. A row's LANES invocations
// stand side by side and are whole subgroups, of 4 invocations at least: that the
// invocations of a subgroup are neighbours WGSL does not promise, but drivers have it
// so for workgroups of one dimension.
//
// SUBGROUPS: LANES / 4, no fewer than there are to a row; PARTS: OUTPUTS * SUBGROUPS.
//#import lib/grid
//#import lib/multiply
//#import lib/input
//#const LANES
//#const ROWS
//#const OUTPUTS
//#const SUBGROUPS
//#const PARTS

var<workgroup> part: array<f32, PARTS>; // [OUTPUTS][SUBGROUPS]

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32, @builtin(subgroup_size) size: u32, @builtin(subgroup_invocation_id) number: u32) {
    let first = group_index(id, groups) * OUTPUTS;
    let lane = i % LANES;
    let own = i / LANES * ROWS; // the first of this invocation's rows
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
        let sum = subgroupAdd((sums[r].x + sums[r].y) + (sums[r].z + sums[r].w));
        if (number == 0u) {
            part[(own + r) * SUBGROUPS + lane / size] = sum;
        }
    }
    workgroupBarrier();
    if (i < OUTPUTS && first + i < p.n) {
        var total = 0.0;
        for (var j = 0u; j < LANES / size; j++) {
            total += part[i * SUBGROUPS + j];
        }
        let at = p.y_offset + first + i;
        if (p.add != 0u) {
            total += y[at];
        }
        y[at] = total;
    }
}
