// The matrices of 16 x 16 float16, and of their sums in float32, that subgroups of 32
// multiply: first in a kernel, behind its features. That all of a subgroup come to a
// product together is for the kernel to see to.
diagnostic(off, chromium.subgroup_matrix_uniformity);
diagnostic(off, subgroup_uniformity);
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Result = subgroup_matrix_result<f32, 16, 16>;
