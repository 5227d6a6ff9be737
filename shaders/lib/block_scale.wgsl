// The scales of a weight in blocks: float16, two a word, the lower half first.
// Blocks are numbered through all rows.
@group(0) @binding(3) var<storage, read> w_scale: array<u32>;

fn scale_of(block: u32) -> f32 {
    return unpack2x16float(w_scale[block / 2u] >> (16u * (block % 2u))).x;
}
