// Appends to a cache of float16, two values a word. Rounds to nearest even; NaN
// stays NaN.
// A workgroup takes 256 pairs of keys and of values: see lib/kv_append.
//#import lib/half_bits
//#import lib/kv_append
fn put_k(pair: u32, a: u32, b: u32) {
    k[pair] = half_bits(a) | (half_bits(b) << 16u);
}

fn put_v(pair: u32, a: u32, b: u32) {
    v[pair] = half_bits(a) | (half_bits(b) << 16u);
}
