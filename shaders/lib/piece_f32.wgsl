// A cache of float32 in pieces of eight values: eight words.
struct CachedPiece {
    low: vec4<f32>,
    high: vec4<f32>,
}

// The v-th four values of a piece.
fn piece4(values: CachedPiece, v: u32) -> vec4<f32> {
    if (v == 0u) {
        return values.low;
    }
    return values.high;
}
