// matvec_f16 where subgroups add up. A workgroup takes OUTPUTS rows of w: see
// lib/matvec_subgroup.
enable subgroups;
//#import lib/vector_f16
//#import lib/matvec_subgroup
