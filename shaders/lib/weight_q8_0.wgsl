// A weight stored as Q8_0: int8, four a word, and a float16 scale, two a word,
// for each 32 values. Rows are whole blocks, so blocks are numbered through all
// rows like values.
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(3) var<storage, read> w_scale: array<u32>;

fn scale_of(block: u32) -> f32 {
    return unpack2x16float(w_scale[block / 2u] >> (16u * (block % 2u))).x;
}

fn weight(at: u32) -> f32 {
    return scale_of(at / 32u) * f32(extractBits(bitcast<i32>(w[at / 4u]), 8u * (at % 4u), 8u));
}

// Values at to at+3, where at is a multiple of 4.
fn weight4(at: u32) -> vec4<f32> {
    let q = bitcast<i32>(w[at / 4u]);
    let bytes = vec4<i32>(extractBits(q, 0u, 8u), extractBits(q, 8u, 8u), extractBits(q, 16u, 8u), extractBits(q, 24u, 8u));
    return scale_of(at / 32u) * vec4<f32>(bytes);
}
