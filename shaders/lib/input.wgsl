// What a weight is multiplied by where it is x as it is.
fn input(at: u32) -> vec4<f32> {
    return x[at];
}
