// What lib/vector_* read of the row that is multiplied: x itself. lib/norm_matvec has
// another.
fn input(at: u32) -> vec4<f32> {
    return x[at];
}
