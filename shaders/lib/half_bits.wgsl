// The float16 nearest to a float32, ties to even, both as bits. Integers
// throughout, because pack2x16float may round either way, may flush subnormals
// and may give anything for what is too large.
fn half_bits(bits: u32) -> u32 {
    let sign = (bits >> 16u) & 0x8000u;
    let b = bits & 0x7fffffffu;
    if (b > 0x7f800000u) {
        return sign | 0x7e00u;
    }
    if (b >= 0x477ff000u) { // 65520 and above round to infinity
        return sign | 0x7c00u;
    }
    if (b >= 0x38800000u) {
        return sign | ((b + 0xfffu + ((b >> 13u) & 1u) - 0x38000000u) >> 13u);
    }
    let shift = 126u - (b >> 23u); // below 2^-14: subnormal, in units of 2^-24
    if (shift > 24u) {
        return sign;
    }
    let m = (b & 0x7fffffu) | 0x800000u;
    let units = m >> shift;
    let rest = m & ((1u << shift) - 1u);
    let tie = 1u << (shift - 1u);
    if (rest > tie || (rest == tie && (units & 1u) == 1u)) {
        return sign | (units + 1u);
    }
    return sign | units;
}
