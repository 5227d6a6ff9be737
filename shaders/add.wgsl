// Adds x to y, over and over: y[i] += x[i mod period].
//
// x: [min(period, n)]; y: [n].
// A workgroup takes 256 values of y.
//#import lib/grid
struct Params {
    n: u32,
    period: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let at = group_index(id, groups) * 256u + i;
    if (at < p.n) {
        y[at] += x[at % p.period];
    }
}
