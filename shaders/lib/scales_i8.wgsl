// The scales of the int8 key index, one for a key: see key_index_i8.
@group(0) @binding(6) var<storage, read> key_scale: array<f32>;

// The scale of a key whose scales begin at at.
fn scale_of(at: u32, block: u32) -> f32 {
    return key_scale[at];
}
