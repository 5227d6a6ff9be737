// The mean of rows: the probe of a chunk is the mean of its queries (paper,
// section 3.2).
//
// x: [rows][cols]; y: [cols].
// A workgroup takes 16 columns; 16 invocations share a column.
//#import lib/grid
struct Params {
    rows: u32,
    cols: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

const COLUMNS: u32 = 16u;
const STRANDS: u32 = 16u; // of the rows of a column
const AHEAD: u32 = 8u;    // rows that are asked for at a time

var<workgroup> part: array<f32, 256>; // [STRANDS][COLUMNS]

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let col = group_index(id, groups) * COLUMNS + i % COLUMNS;
    var sum = 0.0;
    if (col < p.cols) {
        for (var row = i / COLUMNS; row < p.rows; row += AHEAD * STRANDS) {
            var some: array<f32, 8>; // AHEAD
            for (var j = 0u; j < AHEAD; j++) {
                some[j] = x[min(row + j * STRANDS, p.rows - 1u) * p.cols + col];
            }
            for (var j = 0u; j < AHEAD; j++) {
                sum += select(0.0, some[j], row + j * STRANDS < p.rows);
            }
        }
    }
    part[i] = sum;
    workgroupBarrier();
    if (i < COLUMNS && col < p.cols) {
        var all = 0.0;
        for (var s = 0u; s < STRANDS; s++) {
            all += part[s * COLUMNS + i];
        }
        y[col] = all / f32(p.rows);
    }
}
