// Writes the keys and values of new tokens to the cache, before RoPE.
//
// qkv: rows of stride values, as bits; k, v: [capacity][width].
// A workgroup takes 256 pairs of values of k and the same of v.
//#import lib/grid
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
    let pairs = p.width / 2u;
    let at = group_index(id, groups) * 256u + i;
    if (at >= p.rows * pairs) {
        return;
    }
    let first = (at / pairs) * p.stride + 2u * (at % pairs);
    let to = p.row0 * pairs + at;
    put_k(to, qkv[first + p.k_offset], qkv[first + p.k_offset + 1u]);
    put_v(to, qkv[first + p.v_offset], qkv[first + p.v_offset + 1u]);
}
