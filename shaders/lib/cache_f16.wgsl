// A cache of float16: four values lie in two words.
alias Cached = vec2<u32>;

fn cached4(words: Cached) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}
