// Orders the bits of float32 values as unsigned integers; NaN comes first. On
// bits throughout, because compilers may assume that no value is NaN.
fn sort_key(bits: u32) -> u32 {
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return 0u;
    }
    if ((bits >> 31u) != 0u) {
        return ~bits;
    }
    return bits | 0x80000000u;
}
