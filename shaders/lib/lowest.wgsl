// The lowest float32: where a running maximum starts. WGSL has no way to write
// an infinity.
const LOWEST: f32 = -3.4028234e38;
