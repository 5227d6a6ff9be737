// Writes the int8 key index of new tokens, from which candidates are scored: a
// quarter of the bytes of float32 keys.
//
// qkv: lib/key_index; keys: [rows][kv_heads][d] int8, four to a word; scale:
// [rows][kv_heads]: a value is scale * key + centre. A workgroup
// takes 64 heads of rows, an invocation each.
//#const HEAD_DIM
//#import lib/key_index
@group(0) @binding(1) var<storage, read_write> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let head = group_index(id, groups) * 64u + i;
    if (head >= p.rows * p.kv_heads) {
        return;
    }
    let at = key_at(head / p.kv_heads, head % p.kv_heads);
    let most = largest(at, HEAD_DIM / 4u);
    let inverse = select(127.0 / most, 0.0, most == 0.0);
    let to = p.row0 * p.kv_heads + head;
    scale[to] = most / 127.0;
    for (var j = 0u; j < HEAD_DIM / 4u; j++) {
        let q = steps(from_centre(at + j), inverse, 127.0) & vec4<u32>(0xffu);
        keys[to * (HEAD_DIM / 4u) + j] = q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
    }
}
