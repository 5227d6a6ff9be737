// The values of the int8 key index: see key_index_i8. The bits of a byte b as the
// highest of a float32's fraction are 1 + (b + 128) / 256, once its sign is turned.
//#import lib/scales_i8
const VECS: u32 = 1u; // vectors of four values in a word
const PROBE_STEPS: f32 = 0.0; // probes stay as they are

// The v-th four values of a word.
fn values_of(word: u32, v: u32) -> vec4<f32> {
    let bits = vec4<u32>(word << 15u, word << 7u, word >> 1u, word >> 9u);
    return bitcast<vec4<f32>>((bits & vec4<u32>(0x7f8000u)) ^ vec4<u32>(0x3fc00000u));
}

// What a value is in the units of values_of, by vector j of a head: a step is
// 1 / unit, and the value 0 is zero.
fn unit(j: u32) -> f32 {
    return 256.0;
}

fn zero(j: u32) -> f32 {
    return 1.5;
}
