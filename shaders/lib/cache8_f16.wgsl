// A cache of float16 in pieces of eight values: four words.
alias Cached8 = vec4<u32>;

fn low4(words: Cached8) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}

fn high4(words: Cached8) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w));
}
