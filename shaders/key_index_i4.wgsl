// Writes the int4 key index of new tokens, from which candidates are scored: an
// eighth of the bytes of float32 keys.
//
// qkv: lib/key_index; keys: [rows / TILE][kv_heads][d / 32][TILE] vectors of 32
// values in four bits, eight to a word: the first four in the lower halves of its
// bytes, the others in the upper, each a whole number from -7 to 7 plus 8; scale:
// [rows / TILE][kv_heads][d / 64][TILE] words of two float16, one for a vector: a
// value is scale * key + centre. A workgroup takes 16 times 64 values, an
// invocation 16, which are half a vector.
//#const HEAD_DIM
//#const TILE
//#import lib/key_index
@group(0) @binding(1) var<storage, read_write> keys: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> scale: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let unit = group_index(id, groups) * 16u + i / 4u;
    let lane = i % 4u;
    let units = HEAD_DIM / 64u;
    let row = unit / units / p.kv_heads;
    let head = unit / units % p.kv_heads;
    let live = row < p.rows;
    var values = tell_largest(i, live, key_at(row, head) + (unit % units) * 16u + lane * 4u);
    if (!live) {
        return;
    }
    let first = i - lane;
    // By the scales as they are stored.
    let packed = pack2x16float(vec2<f32>(max(magnitudes[first], magnitudes[first + 1u]), max(magnitudes[first + 2u], magnitudes[first + 3u])) / 7.0);
    let scales = unpack2x16float(packed);
    if (lane == 0u) {
        scale[tile_at(row, head, units, unit % units)] = packed;
    }
    let own = select(scales.y, scales.x, lane < 2u);
    let inverse = select(1.0 / own, 0.0, own == 0.0);
    var words: vec2<u32>;
    for (var w = 0u; w < 2u; w++) {
        let low = steps(values[2u * w], inverse, 7.0) + vec4<u32>(8u);
        let high = steps(values[2u * w + 1u], inverse, 7.0) + vec4<u32>(8u);
        let q = low | (high << vec4<u32>(4u));
        words[w] = q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
    }
    keys[2u * tile_at(row, head, units * 2u, (unit % units) * 2u + lane / 2u) + lane % 2u] = words;
}
