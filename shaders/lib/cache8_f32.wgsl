// A cache of float32 in pieces of eight values: eight words.
struct Cached8 {
    low: vec4<f32>,
    high: vec4<f32>,
}

fn low4(values: Cached8) -> vec4<f32> {
    return values.low;
}

fn high4(values: Cached8) -> vec4<f32> {
    return values.high;
}
