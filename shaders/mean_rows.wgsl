// The mean of rows: the probe of a chunk is the mean of its queries (paper,
// section 3.2).
//
// x: [rows][cols]; y: [cols].
// A workgroup takes 64 columns; 4 invocations share a column.
//#import lib/grid
struct Params {
    rows: u32,
    cols: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> part: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let col = group_index(id, groups) * 64u + i % 64u;
    var sum = 0.0;
    if (col < p.cols) {
        for (var row = i / 64u; row < p.rows; row += 4u) {
            sum += x[row * p.cols + col];
        }
    }
    part[i] = sum;
    workgroupBarrier();
    if (i < 64u && col < p.cols) {
        y[col] = ((part[i] + part[i + 64u]) + (part[i + 128u] + part[i + 192u])) / f32(p.rows);
    }
}
