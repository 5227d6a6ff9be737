// A weight stored as Q4_0: 4 bits a value, 8 more than it is, and a float16
// scale, two a word, for each 32 values. The four lower bits of a block's 16
// bytes are its first 16 values, the upper ones the others. Rows are whole
// blocks, so blocks are numbered through all rows like values.
//#import lib/block_scale
@group(0) @binding(2) var<storage, read> w: array<u32>;

fn weight(at: u32) -> f32 {
    let word = w[at / 32u * 4u + at % 16u / 4u];
    let bits = extractBits(word, 8u * (at % 4u) + 4u * (at % 32u / 16u), 4u);
    return scale_of(at / 32u) * (f32(bits) - 8.0);
}
