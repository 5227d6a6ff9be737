// The int4 key index for packed products. A half of a byte that is moved to the upper
// one is 16 times what it holds, 16 * value + 128, and with the sign turned it is 16 *
// value as a signed byte: nothing is to be subtracted from sums. See key_index_i4.
//#import lib/scales_i4
const HALVES: u32 = 2u;     // of a byte that hold a value each
const VALUE: f32 = 0.0625; // of a step, in bytes_of
const PROBE_STEPS: f32 = 127.0;
const PROBE_BYTES: u32 = 1u; // that a whole number of a probe takes

// The lower or upper halves of four words: the first or last four values of each.
fn bytes_of(words: vec4<u32>, half: u32) -> vec4<u32> {
    let upper = select(words, words << vec4<u32>(4u), half == 0u);
    return (upper & vec4<u32>(0xf0f0f0f0u)) ^ vec4<u32>(0x80808080u);
}
