// A weight stored as Q4_1: 4 bits a value, and for each 32 values a float16 scale,
// by which they are multiplied, and a minimum, which is added. Bits and blocks are
// where Q4_0 has them.
//#import lib/block_scale_minimum
@group(0) @binding(2) var<storage, read> w: array<u32>;

fn weight(at: u32) -> f32 {
    let word = w[at / 32u * 4u + at % 16u / 4u];
    let bits = extractBits(word, 8u * (at % 4u) + 4u * (at % 32u / 16u), 4u);
    let both = scale_and_minimum(at / 32u);
    return both.x * f32(bits) + both.y;
}
