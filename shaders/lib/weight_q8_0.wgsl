// A weight stored as Q8_0: int8, four a word, and a float16 scale, two a word,
// for each 32 values. Rows are whole blocks, so blocks are numbered through all
// rows like values.
//#import lib/block_scale
@group(0) @binding(2) var<storage, read> w: array<u32>;

fn weight(at: u32) -> f32 {
    return scale_of(at / 32u) * f32(extractBits(bitcast<i32>(w[at / 4u]), 8u * (at % 4u), 8u));
}
