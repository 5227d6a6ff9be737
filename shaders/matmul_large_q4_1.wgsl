// Multiplies many rows by a large weight: y = x times the transpose of w.
//
// x: [rows][k] from x_offset on; y: [rows][y_stride], columns from y_offset on;
// w: [n][k] Q4_1, blocks of 32 values in w and their scales and minimums in w_scale; k is a multiple of 32.
// A workgroup takes 64 rows of x and 128 of w. NaN goes where the product has it.
//#import lib/vector_q4_1
//#import lib/matmul_large
