// A head's probe as whole numbers of a step: so many of them, PROBE_STEPS, to its
// largest magnitude.
//#const GROUP
var<workgroup> largest: array<atomic<u32>, GROUP>; // magnitude of a probe's values, as bits

// Bits of magnitudes are in the order of what they stand for, NaN above all.
fn magnitude(x: vec4<f32>) -> u32 {
    let bits = bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu);
    return max(max(bits.x, bits.y), max(bits.z, bits.w));
}

// Steps in 1, of a probe whose largest magnitude has these bits. 0 where there are no
// whole numbers, for NaN or infinity, which the step hands on, or for less than 2^-111,
// whose inverse may be no number.
fn inverse_of(bits: u32) -> f32 {
    if (bits < 0x08000000u || bits >= 0x7f800000u) {
        return 0.0;
    }
    return PROBE_STEPS / bitcast<f32>(bits);
}
