// The int8 key index in pieces of 16 values, four to a word: see key_index_i8.
alias CachedPiece = vec4<u32>;

@group(0) @binding(6) var<storage, read> key_scale: array<f32>;

// The v-th four values of a piece, but for its scale. A byte b in the bits of a
// float16 that is 1024 + b becomes a float32 at a fraction of what converting a
// whole number costs.
fn piece4(words: CachedPiece, v: u32) -> vec4<f32> {
    let biased = words[v] ^ 0x80808080u;
    let even = unpack2x16float((biased & 0x00ff00ffu) | 0x64006400u);
    let odd = unpack2x16float(((biased >> 8u) & 0x00ff00ffu) | 0x64006400u);
    return vec4<f32>(even.x, odd.x, even.y, odd.y) - 1152.0;
}

// The scale of a piece of head number head of all rows.
fn piece_scale(head: u32, piece: u32) -> f32 {
    return key_scale[head];
}

fn scaled(product: f32, scale: f32) -> f32 {
    return product * scale;
}
