// The gate of the feed-forward network: y = silu(gate) * up.
//
// x: [rows][2][cols], gate and then up; y: [rows][cols].
// A workgroup takes 256 values of y.
//#import lib/grid
//#import lib/silu
struct Params {
    rows: u32,
    cols: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let at = group_index(id, groups) * 256u + i;
    if (at >= p.rows * p.cols) {
        return;
    }
    let gate = x[at + (at / p.cols) * p.cols];
    let up = x[at + (at / p.cols) * p.cols + p.cols];
    y[at] = silu(gate) * up;
}
