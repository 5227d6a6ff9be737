// Normalises one row and multiplies it by a weight, in one: see lib/norm_matvec.
//
// x: [k] from x_offset on; gain: [k]; bias: [n], or anything; y: [n] from y_offset on,
// with GATE [n / 2];
// w: [n][k] Q8_0, blocks of 32 values in w and their scales in w_scale; k is a multiple of 32.
// A workgroup takes OUTPUTS rows of w. A NaN in x makes all of y NaN.
//#import lib/vector_q8_0
//#import lib/norm_matvec
@group(0) @binding(4) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
