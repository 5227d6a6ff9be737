// Multiplies many rows by a weight whose rows may have any length: y = x times the transpose of w.
//
// x: [rows][k] from x_offset on; y: [rows][y_stride], columns from y_offset on;
// w: [n][k] float16.
// A workgroup takes 64 rows of x and 64 of w. NaN goes where the product has it.
//#import lib/weight_f16
//#import lib/matmul_any
