// Rotates queries by their positions (paper, eq. 2), pairing dimensions i and
// i + d/2.
//
// x: rows of stride values, of which the first heads * d are queries; table:
// [positions][d], cosines and then sines of the d/2 pairs; y: [rows][heads][d].
// A workgroup takes 256 pairs.
//#import lib/grid
//#import lib/state
struct Params {
    rows: u32,
    heads: u32,
    d: u32,
    stride: u32,
    pos: u32,     // position of row 0
    use_mid: u32, // 1: add the selection's number of rows to the position
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let half = p.d / 2u;
    let pair = group_index(id, groups) * 256u + i;
    let head = pair / half; // of all rows
    let row = head / p.heads;
    if (row >= p.rows) {
        return;
    }
    var pos = p.pos + row;
    if (p.use_mid != 0u) {
        pos += state[STATE_MID];
    }
    let j = pair % half;
    let cosine = table[pos * p.d + j];
    let sine = table[pos * p.d + half + j];
    let first = row * p.stride + (head % p.heads) * p.d + j;
    let a = x[first];
    let b = x[first + half];
    y[head * p.d + j] = a * cosine - b * sine;
    y[head * p.d + half + j] = b * cosine + a * sine;
}
