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

// Values as they are need no scale.
fn piece_scale(head: u32, piece: u32) -> f32 {
    return 1.0;
}

fn scaled(product: f32, scale: f32) -> f32 {
    return product;
}
