// The int8 key index for packed products: its words are four signed bytes already.
// See key_index_i8.
//#import lib/scales_i8
const HALVES: u32 = 1u; // of a byte that hold a value each
const VALUE: f32 = 1.0; // of a step, in bytes_of
const PROBE_STEPS: f32 = 32512.0;
const PROBE_BYTES: u32 = 2u; // that a whole number of a probe takes

// The values of four words, which have but one half.
fn bytes_of(words: vec4<u32>, half: u32) -> vec4<u32> {
    return words;
}
