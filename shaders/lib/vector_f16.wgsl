// A weight stored as float16, read 8 values at a time. Rows are whole vectors,
// numbered through all rows.
@group(0) @binding(2) var<storage, read> w: array<vec4<u32>>;

const VALUES: u32 = 8u; // of a vector

// What a vector is multiplied by.
struct Piece {
    a: vec4<f32>,
    b: vec4<f32>,
}

fn piece(at: u32) -> Piece {
    return Piece(input(at), input(at + 1u));
}

fn four(a: u32, b: u32) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(a), unpack2x16float(b));
}

// sums + vector at times v.
fn add_products(sums: vec4<f32>, at: u32, v: Piece) -> vec4<f32> {
    let q = w[at];
    return fma(v.b, four(q.z, q.w), fma(v.a, four(q.x, q.y), sums));
}

// 16 values as they are read, and as four times four.
struct Sixteen {
    a: vec4<u32>,
    b: vec4<u32>,
}

fn sixteen(at: u32) -> Sixteen {
    return Sixteen(w[2u * at], w[2u * at + 1u]);
}

fn fours(v: Sixteen) -> mat4x4<f32> {
    return mat4x4<f32>(four(v.a.x, v.a.y), four(v.a.z, v.a.w), four(v.b.x, v.b.y), four(v.b.z, v.b.w));
}
