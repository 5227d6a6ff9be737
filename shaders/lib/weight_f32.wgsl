// A weight stored as float32. Values are numbered through all rows.
@group(0) @binding(2) var<storage, read> w: array<f32>;

fn weight(at: u32) -> f32 {
    return w[at];
}

// Values at to at+3.
fn weight4(at: u32) -> vec4<f32> {
    return vec4<f32>(w[at], w[at + 1u], w[at + 2u], w[at + 3u]);
}
