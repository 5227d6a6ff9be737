// Appends to a cache of float32, bit by bit.
// A workgroup takes 256 pairs of keys and of values: see lib/kv_append.
//#import lib/kv_append
fn put_k(pair: u32, a: u32, b: u32) {
    k[2u * pair] = a;
    k[2u * pair + 1u] = b;
}

fn put_v(pair: u32, a: u32, b: u32) {
    v[2u * pair] = a;
    v[2u * pair + 1u] = b;
}
