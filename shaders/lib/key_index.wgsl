// What the kernels that write the key index share: where the keys of new tokens
// stand and where they go, and the whole numbers of a block of values.
//
// qkv: rows of stride values; keys before RoPE, as kv_append stores them; centre: a
// row like those, which the keys are stored less.
//#import lib/grid
struct Params {
    rows: u32,
    stride: u32,
    k_offset: u32, // of the keys in a row of qkv
    kv_heads: u32,
    row0: u32,     // first row of the index to write
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> centre: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> p: Params;

// Where vector number v of several of head h of new row i goes, rows being in
// tiles.
fn tile_at(i: u32, h: u32, several: u32, v: u32) -> u32 {
    let row = p.row0 + i;
    return (((row / TILE) * p.kv_heads + h) * several + v) * TILE + row % TILE;
}

// The first vector of head h of new row i.
fn key_at(i: u32, h: u32) -> u32 {
    return (i * p.stride + p.k_offset + h * HEAD_DIM) / 4u;
}

// A vector of a row's keys, less the centre's.
fn from_centre(at: u32) -> vec4<f32> {
    return qkv[at] - centre[at % (p.stride / 4u)];
}

var<workgroup> magnitudes: array<f32, 64>; // the largest of each invocation

// An invocation's 16 values, four vectors from at on; the others get to know their
// largest magnitude. All call it, also those that are not live.
fn tell_largest(i: u32, live: bool, at: u32) -> array<vec4<f32>, 4> {
    var mine: array<vec4<f32>, 4>;
    if (live) {
        for (var j = 0u; j < 4u; j++) {
            mine[j] = from_centre(at + j);
        }
    }
    let most = max(max(abs(mine[0]), abs(mine[1])), max(abs(mine[2]), abs(mine[3])));
    magnitudes[i] = max(max(most.x, most.y), max(most.z, most.w));
    workgroupBarrier();
    return mine;
}

// Values over a step, as whole numbers from -most to most.
fn steps(values: vec4<f32>, inverse: f32, most: f32) -> vec4<u32> {
    return bitcast<vec4<u32>>(vec4<i32>(clamp(round(values * inverse), vec4<f32>(-most), vec4<f32>(most))));
}
