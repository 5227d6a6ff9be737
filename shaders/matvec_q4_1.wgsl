// Multiplies one row by a weight: y = x times the transpose of w.
//
// x: [k] from x_offset on; y: [n] from y_offset on;
// w: [n][k] Q4_1, blocks of 32 values in w and their scales and minimums in w_scale; k is a multiple of 32.
// A workgroup takes OUTPUTS rows of w. NaN goes where the product has it.
//#import lib/vector_q4_1
//#import lib/matvec
