// Multiplies one row by a weight whose rows may have any length: y = x times the transpose of w.
//
// x: [k] from x_offset on; y: [n] from y_offset on; w: [n][k] float16.
// A workgroup takes 2 rows of w. NaN goes where the product has it.
//#import lib/weight_f16
//#import lib/matvec_any
