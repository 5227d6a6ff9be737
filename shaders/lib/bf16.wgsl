// A float32 rounded to the nearest bfloat16, ties to the even one; NaN stays.
fn round_bits(bits: u32) -> u32 {
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return bits;
    }
    return (bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u;
}
