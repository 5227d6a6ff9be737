// A weight stored as Q4_1, read a block of 32 values at a time: as Q4_0, but values
// are as they are, and each block has a minimum that is added once they are scaled.
//#import lib/block_scale_minimum
@group(0) @binding(2) var<storage, read> w: array<vec4<u32>>;

const VALUES: u32 = 32u; // of a vector

// What a vector is multiplied by, and its sum, which a minimum is multiplied by.
struct Piece {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
    e: vec4<f32>,
    f: vec4<f32>,
    g: vec4<f32>,
    h: vec4<f32>,
    sum: vec4<f32>,
}

fn piece(at: u32) -> Piece {
    let a = input(at);
    let b = input(at + 1u);
    let c = input(at + 2u);
    let d = input(at + 3u);
    let e = input(at + 4u);
    let f = input(at + 5u);
    let g = input(at + 6u);
    let h = input(at + 7u);
    return Piece(a, b, c, d, e, f, g, h, ((a + b) + (c + d)) + ((e + f) + (g + h)));
}

// Of the lower half of each byte: as the last bits of 2^23, which is quicker than
// to convert it.
fn four(word: u32) -> vec4<f32> {
    let bits = vec4<u32>(word & 15u, (word >> 8u) & 15u, (word >> 16u) & 15u, (word >> 24u) & 15u);
    return bitcast<vec4<f32>>(bits | vec4<u32>(0x4b000000u)) - vec4<f32>(8388608.0);
}

// sums + vector at times v.
fn add_products(sums: vec4<f32>, at: u32, v: Piece) -> vec4<f32> {
    let q = w[at];
    let r = q >> vec4<u32>(4u);
    let first = fma(v.d, four(q.w), fma(v.c, four(q.z), fma(v.b, four(q.y), v.a * four(q.x))));
    let own = fma(v.h, four(r.w), fma(v.g, four(r.z), fma(v.f, four(r.y), fma(v.e, four(r.x), first))));
    let both = scale_and_minimum(at);
    return fma(vec4<f32>(both.y), v.sum, fma(vec4<f32>(both.x), own, sums));
}

// 16 values as they are read, in the lower half of each byte, and as four times
// four.
struct Sixteen {
    q: vec4<u32>,
    both: vec2<f32>,
}

fn sixteen(at: u32) -> Sixteen {
    return Sixteen(w[at / 2u] >> vec4<u32>(4u * (at % 2u)), scale_and_minimum(at / 2u));
}

fn fours(v: Sixteen) -> mat4x4<f32> {
    let scale = vec4<f32>(v.both.x);
    let minimum = vec4<f32>(v.both.y);
    return mat4x4<f32>(fma(scale, four(v.q.x), minimum), fma(scale, four(v.q.y), minimum), fma(scale, four(v.q.z), minimum), fma(scale, four(v.q.w), minimum));
}
