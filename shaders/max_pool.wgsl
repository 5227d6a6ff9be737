// The largest of the neighbours of each value: itself, and as many on each side as
// there are, up to reach.
//
// x, y: [rows][n].
// A workgroup takes 256 values.
//#import lib/grid
struct Params {
    rows: u32,
    n: u32,
    reach: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let at = group_index(id, groups) * 256u + i;
    let row = at / p.n;
    if (row >= p.rows) {
        return;
    }
    let place = at % p.n;
    let first = row * p.n + place - min(place, p.reach);
    let last = row * p.n + min(place + p.reach, p.n - 1u);
    var most = x[first];
    for (var j = first + 1u; j <= last; j++) {
        most = max(most, x[j]);
    }
    y[at] = most;
}
