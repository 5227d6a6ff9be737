// The scales and minimums of a weight in blocks: float16, a word for both, the
// scale in the lower half. Blocks are numbered through all rows.
@group(0) @binding(3) var<storage, read> w_scale: array<u32>;

fn scale_and_minimum(block: u32) -> vec2<f32> {
    return unpack2x16float(w_scale[block]);
}
