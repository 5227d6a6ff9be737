// matmul_large_q4_0 where subgroups of 32 multiply matrices. A workgroup takes 64 rows of x
// and 128 of w: see lib/matmul_matrix.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
//#import lib/half_matrices
//#import lib/vector_q4_0
//#import lib/matmul_matrix
