// A weight stored as Q8_0, read 16 values at a time: int8, four a word, and a
// float16 scale, two a word, for each 32 values. Rows are whole blocks, so
// vectors and blocks are numbered through all rows.
//#import lib/block_scale
@group(0) @binding(2) var<storage, read> w: array<vec4<u32>>;

const VALUES: u32 = 16u; // of a vector

// What a vector is multiplied by.
struct Piece {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
}

fn piece(at: u32) -> Piece {
    return Piece(input(at), input(at + 1u), input(at + 2u), input(at + 3u));
}

// As the last bits of 2^23, which is quicker than to convert them. With the sign turned
// a byte is 128 more than it stands for.
fn four(word: u32) -> vec4<f32> {
    let bits = (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xffu);
    return bitcast<vec4<f32>>(bits ^ vec4<u32>(0x4b000080u)) - vec4<f32>(8388736.0);
}

// sums + vector at times v.
fn add_products(sums: vec4<f32>, at: u32, v: Piece) -> vec4<f32> {
    let q = w[at];
    let own = fma(v.d, four(q.w), fma(v.c, four(q.z), fma(v.b, four(q.y), v.a * four(q.x))));
    return fma(vec4<f32>(scale_of(at / 2u)), own, sums);
}

// 16 values as they are read, and as four times four.
struct Sixteen {
    q: vec4<u32>,
    scale: f32,
}

fn sixteen(at: u32) -> Sixteen {
    return Sixteen(w[at], scale_of(at / 2u));
}

fn fours(v: Sixteen) -> mat4x4<f32> {
    return mat4x4<f32>(v.scale * four(v.q.x), v.scale * four(v.q.y), v.scale * four(v.q.z), v.scale * four(v.q.w));
}
