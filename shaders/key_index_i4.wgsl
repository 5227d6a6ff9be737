// Writes the int4 key index of new tokens, from which candidates are scored: an
// eighth of the bytes of float32 keys.
//
// qkv: lib/key_index; keys: [rows][kv_heads][d] in four bits, eight to a word:
// the first four in the lower halves of its bytes, the others in the upper, each
// a whole number from -7 to 7 plus 8; scale: [rows][kv_heads][d / 64] words of two
// float16, one for 32 values: a value is scale * key + centre. A workgroup
// takes 64 times 64 values, an invocation each 64.
//#const HEAD_DIM
//#import lib/key_index
@group(0) @binding(1) var<storage, read_write> keys: array<u32>;
@group(0) @binding(2) var<storage, read_write> scale: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let unit = group_index(id, groups) * 64u + i;
    let units = HEAD_DIM / 64u;
    if (unit >= p.rows * p.kv_heads * units) {
        return;
    }
    let head = unit / units;
    let at = key_at(head / p.kv_heads, head % p.kv_heads) + (unit % units) * 16u;
    // By the scales as they are stored.
    let packed = pack2x16float(vec2<f32>(largest(at, 8u), largest(at + 8u, 8u)) / 7.0);
    let scales = unpack2x16float(packed);
    let to = p.row0 * p.kv_heads * units + unit;
    scale[to] = packed;
    for (var j = 0u; j < 8u; j++) {
        let own = select(scales.y, scales.x, j < 4u);
        let inverse = select(1.0 / own, 0.0, own == 0.0);
        let low = steps(from_centre(at + 2u * j), inverse, 7.0) + vec4<u32>(8u);
        let high = steps(from_centre(at + 2u * j + 1u), inverse, 7.0) + vec4<u32>(8u);
        let q = low | (high << vec4<u32>(4u));
        keys[to * 8u + j] = q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
    }
}
