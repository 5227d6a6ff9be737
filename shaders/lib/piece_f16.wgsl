// A cache of float16 in pieces of eight values: four words.
alias CachedPiece = vec4<u32>;

// The v-th four values of a piece.
fn piece4(words: CachedPiece, v: u32) -> vec4<f32> {
    if (v == 0u) {
        return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
    }
    return vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w));
}
