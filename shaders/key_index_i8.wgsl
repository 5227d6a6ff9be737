// Writes the int8 key index of new tokens, from which candidates are scored: a
// quarter of the bytes of float32 keys.
//
// qkv: lib/key_index; keys: [rows / TILE][kv_heads][d / 16][TILE] vectors of 16
// int8, four to a word; scale: [rows / TILE][kv_heads][TILE]: a value is scale *
// key + centre. A workgroup takes 64 / LANES heads of rows, an invocation 16 values
// of one.
//#const HEAD_DIM
//#const TILE
//#const LANES
//#import lib/key_index
@group(0) @binding(1) var<storage, read_write> keys: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let unit = group_index(id, groups) * (64u / LANES) + i / LANES;
    let lane = i % LANES;
    let row = unit / p.kv_heads;
    let head = unit % p.kv_heads;
    let live = row < p.rows && lane < HEAD_DIM / 16u;
    var values = tell_largest(i, live, key_at(row, head) + lane * 4u);
    if (!live) {
        return;
    }
    var most = 0.0;
    for (var j = 0u; j < HEAD_DIM / 16u; j++) {
        most = max(most, magnitudes[i - lane + j]);
    }
    let inverse = select(127.0 / most, 0.0, most == 0.0);
    if (lane == 0u) {
        scale[tile_at(row, head, 1u, 0u)] = most / 127.0;
    }
    var words: vec4<u32>;
    for (var w = 0u; w < 4u; w++) {
        let q = steps(values[w], inverse, 127.0) & vec4<u32>(0xffu);
        words[w] = q.x | (q.y << 8u) | (q.z << 16u) | (q.w << 24u);
    }
    keys[tile_at(row, head, HEAD_DIM / 16u, lane)] = words;
}
