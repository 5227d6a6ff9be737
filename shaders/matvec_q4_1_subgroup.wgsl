// matvec_q4_1 where subgroups add up. A workgroup takes OUTPUTS rows of w: see
// lib/matvec_subgroup.
enable subgroups;
//#import lib/vector_q4_1
//#import lib/matvec_subgroup
