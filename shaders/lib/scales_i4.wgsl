// The scales of the int4 key index, two to a word, one for 32 values: see
// key_index_i4.
@group(0) @binding(6) var<storage, read> key_scale: array<u32>;

// The scale of a block of a key whose scales begin at at.
fn scale_of(at: u32, block: u32) -> f32 {
    let scales = unpack2x16float(key_scale[at + (block / 2u) * TILE]);
    return select(scales.y, scales.x, block % 2u == 0u);
}
