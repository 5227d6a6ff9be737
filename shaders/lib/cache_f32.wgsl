// A cache of float32: four values are four words.
alias Cached = vec4<f32>;

fn cached4(values: Cached) -> vec4<f32> {
    return values;
}
