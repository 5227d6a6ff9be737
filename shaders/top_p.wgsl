// Shortens lists of selected rows to as many as reach a share of the votes' mass, in
// the order of the votes; equal ones stay together.
//
// order: [lists][stride], votes that rows were selected by, as bits of values that
// are not negative; vote: [lists][stride], their masses; sel: [lists][sel_stride],
// n_select rows in order; chosen: [lists], how many of them stay. One workgroup a
// list. Writes nothing on a hit.
//#import lib/grid
//#import lib/scan
//#import lib/state
//#import lib/sum_max
struct Params {
    lists: u32,
    stride: u32,
    sel_stride: u32,
    n_select: u32, // k
    lo: u32,       // row of candidate 0
    least: u32,    // rows that stay in any case
    mass: f32,     // that the rows that stay reach, if all do
}

@group(0) @binding(0) var<storage, read> order: array<u32>;
@group(0) @binding(1) var<storage, read> vote: array<f32>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> sel: array<u32>;
@group(0) @binding(4) var<storage, read_write> chosen: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> kept: u32; // of 256 rows and those before

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let list = group_index(id, groups);
    if (state[STATE_HIT] != 0u || list >= p.lists) {
        return;
    }
    let from_vote = list * p.stride;
    let from_sel = list * p.sel_stride;
    // The largest votes from which on there is mass enough, and rows enough, bit by
    // bit.
    var by_mass = 0u;
    var by_count = 0u;
    for (var b = 0u; b < 31u; b++) {
        let bit = 0x40000000u >> b;
        var mass = 0.0;
        var count = 0.0;
        for (var e = i; e < p.n_select; e += 256u) {
            let at = from_vote + sel[from_sel + e] - p.lo;
            if (order[at] >= (by_mass | bit)) {
                mass += vote[at];
            }
            count += f32(order[at] >= (by_count | bit));
        }
        mass = workgroup_sum(i, mass);
        count = workgroup_sum(i, count);
        if (mass >= p.mass) {
            by_mass |= bit;
        }
        if (count >= f32(p.least)) {
            by_count |= bit;
        }
    }
    let cut = min(by_mass, by_count);
    // Rows that stay move up, in order: none goes to where one is yet to be read.
    var before = 0u;
    for (var from_row = 0u; from_row < p.n_select; from_row += 256u) {
        let e = from_row + i;
        var row = 0u;
        var stays = 0u;
        if (e < p.n_select) {
            row = sel[from_sel + e];
            stays = u32(order[from_vote + row - p.lo] >= cut);
        }
        let through = inclusive_scan(i, stays);
        if (stays != 0u) {
            sel[from_sel + before + through - 1u] = row;
        }
        if (i == 255u) {
            kept = before + through;
        }
        workgroupBarrier();
        before = kept;
        workgroupBarrier();
    }
    if (i == 0u) {
        chosen[list] = before;
    }
}
