// Writes the keys and values of new tokens to the cache, as float16 and before
// RoPE.
//
// qkv: rows of stride values, as bits; k, v: [capacity][width] float16.
// A workgroup takes 256 words of k and the same of v. Rounds to nearest even;
// NaN stays NaN.
//#import lib/grid
//#import lib/half_bits
struct Params {
    rows: u32,
    stride: u32,
    k_offset: u32, // of the keys in a row of qkv
    v_offset: u32, // of the values in a row of qkv
    width: u32,
    row0: u32,     // first row of the cache to write
}

@group(0) @binding(0) var<storage, read> qkv: array<u32>;
@group(0) @binding(1) var<storage, read_write> k: array<u32>;
@group(0) @binding(2) var<storage, read_write> v: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let words = p.width / 2u;
    let at = group_index(id, groups) * 256u + i;
    if (at >= p.rows * words) {
        return;
    }
    let first = (at / words) * p.stride + 2u * (at % words);
    let to = p.row0 * words + at;
    k[to] = half_bits(qkv[first + p.k_offset]) | (half_bits(qkv[first + p.k_offset + 1u]) << 16u);
    v[to] = half_bits(qkv[first + p.v_offset]) | (half_bits(qkv[first + p.v_offset + 1u]) << 16u);
}
