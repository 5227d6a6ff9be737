// Writes the int8 key index of new tokens, from which candidates are scored: a
// quarter of the bytes of float32 keys.
//
// qkv: lib/key_index; keys: [rows / TILE][kv_heads][d / 16][TILE] vectors of 16
// int8, four to a word; scale: [rows / TILE][kv_heads][TILE]: a value is scale *
// key + centre. A workgroup takes 64 heads of rows, an invocation each.
//#const HEAD_DIM
//#const TILE
//#import lib/key_index
@group(0) @binding(1) var<storage, read_write> keys: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let unit = group_index(id, groups) * 64u + i;
    if (unit >= p.rows * p.kv_heads) {
        return;
    }
    let row = unit / p.kv_heads;
    let head = unit % p.kv_heads;
    let at = key_at(row, head);
    let most = largest(at, HEAD_DIM / 4u);
    let inverse = select(127.0 / most, 0.0, most == 0.0);
    scale[tile_at(row, head, 1u, 0u)] = most / 127.0;
    for (var j = 0u; j < HEAD_DIM / 16u; j++) {
        var words: vec4<u32>;
        for (var w = 0u; w < 4u; w++) {
            let q = steps(from_centre(at + j * 4u + w), inverse, 127.0) & vec4<u32>(0xffu);
            words[w] = q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
        }
        keys[tile_at(row, head, HEAD_DIM / 16u, j)] = words;
    }
}
