// A weight stored as Q4_0, read a block of 32 values at a time: 4 bits a value,
// 8 more than it is, and a float16 scale, two a word. The four lower bits of the
// block's 16 bytes are its first 16 values, the upper ones the others. Rows are
// whole blocks, numbered through all rows.
//#import lib/block_scale
@group(0) @binding(2) var<storage, read> w: array<vec4<u32>>;

const VALUES: u32 = 32u; // of a vector

// What a vector is multiplied by.
struct Piece {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
    e: vec4<f32>,
    f: vec4<f32>,
    g: vec4<f32>,
    h: vec4<f32>,
}

fn piece(at: u32) -> Piece {
    return Piece(input(at), input(at + 1u), input(at + 2u), input(at + 3u), input(at + 4u), input(at + 5u), input(at + 6u), input(at + 7u));
}

// Of the lower half of each byte: as the last bits of 2^23, which is quicker than
// to convert it.
fn four(word: u32) -> vec4<f32> {
    let bits = vec4<u32>(word & 15u, (word >> 8u) & 15u, (word >> 16u) & 15u, (word >> 24u) & 15u);
    return bitcast<vec4<f32>>(bits | vec4<u32>(0x4b000000u)) - vec4<f32>(8388616.0);
}

// sums + vector at times v.
fn add_products(sums: vec4<f32>, at: u32, v: Piece) -> vec4<f32> {
    let q = w[at];
    let r = q >> vec4<u32>(4u);
    let first = fma(v.d, four(q.w), fma(v.c, four(q.z), fma(v.b, four(q.y), v.a * four(q.x))));
    let own = fma(v.h, four(r.w), fma(v.g, four(r.z), fma(v.f, four(r.y), fma(v.e, four(r.x), first))));
    return fma(vec4<f32>(scale_of(at)), own, sums);
}

// 16 values as they are read, in the lower half of each byte, and as four times
// four.
struct Sixteen {
    q: vec4<u32>,
    scale: f32,
}

fn sixteen(at: u32) -> Sixteen {
    return Sixteen(w[at / 2u] >> vec4<u32>(4u * (at % 2u)), scale_of(at / 2u));
}

fn fours(v: Sixteen) -> mat4x4<f32> {
    return mat4x4<f32>(v.scale * four(v.q.x), v.scale * four(v.q.y), v.scale * four(v.q.z), v.scale * four(v.q.w));
}
