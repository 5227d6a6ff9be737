// The values of the int4 key index: see key_index_i4. The upper half of a byte, as
// the highest bits of a float32's fraction, is 1 + (value + 8) / 16, and the lower
// half, four bits below them, 1 + (value + 8) / 256: a shift serves both.
//#import lib/scales_i4
const VECS: u32 = 2u; // vectors of four values in a word
const PROBE_STEPS: f32 = 127.0; // to the largest value of a probe: see lib/probe_steps

// The v-th four values of a word.
fn values_of(word: u32, v: u32) -> vec4<f32> {
    let bits = vec4<u32>(word << 15u, word << 7u, word >> 1u, word >> 9u);
    return bitcast<vec4<f32>>((bits & vec4<u32>(select(0x780000u, 0x78000u, v == 0u))) | vec4<u32>(0x3f800000u));
}

// What a value is in the units of values_of, by vector j of a head: a step is
// 1 / unit, and the value 0 is zero.
fn unit(j: u32) -> f32 {
    return select(16.0, 256.0, j % 2u == 0u);
}

fn zero(j: u32) -> f32 {
    return select(1.5, 1.03125, j % 2u == 0u);
}
