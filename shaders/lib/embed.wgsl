// The body of embed_*: needs weight of lib/weight_*.
//#import lib/grid
struct Params {
    rows: u32, // tokens
    cols: u32, // values of an embedding
    row0: u32, // first row of the table that this shard holds
    held: u32, // rows that it holds
}

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let row = group_index(id, groups);
    if (row >= p.rows) {
        return;
    }
    let held = ids[row] - p.row0; // wraps to a large number for ids below
    if (held >= p.held) {
        return;
    }
    for (var j = i; j < p.cols; j += 256u) {
        y[row * p.cols + j] = weight(held * p.cols + j);
    }
}
