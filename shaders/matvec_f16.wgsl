// Multiplies one row by a weight: y = x times the transpose of w.
//
// x: [k] from x_offset on; y: [n] from y_offset on;
// w: [n][k] float16; k is a multiple of 32.
// A workgroup takes OUTPUTS rows of w. NaN goes where the product has it.
//#import lib/vector_f16
//#import lib/matvec
