// The int4 key index in pieces of 16 values, eight to a word: see key_index_i4.
alias CachedPiece = vec2<u32>;

@group(0) @binding(6) var<storage, read> key_scale: array<u32>;

// The v-th four values of a piece, but for its scale, by way of float16 as in
// piece_i8.
fn piece4(words: CachedPiece, v: u32) -> vec4<f32> {
    let word = words[v / 2u] >> (4u * (v % 2u));
    let even = unpack2x16float((word & 0x000f000fu) | 0x64006400u);
    let odd = unpack2x16float(((word >> 8u) & 0x000f000fu) | 0x64006400u);
    return vec4<f32>(even.x, odd.x, even.y, odd.y) - 1032.0;
}

fn scaled(product: f32, scale: f32) -> f32 {
    return product * scale;
}

// The scale of a piece of head number head of all rows.
fn piece_scale(head: u32, piece: u32) -> f32 {
    let scales = unpack2x16float(key_scale[head * (HEAD_DIM / 64u) + piece / 4u]);
    return select(scales.y, scales.x, (piece / 2u) % 2u == 0u);
}
