// A weight stored as float16, two values a word, the lower half first. Values
// are numbered through all rows, so a row of odd length ends within a word.
@group(0) @binding(2) var<storage, read> w: array<u32>;

fn weight(at: u32) -> f32 {
    return unpack2x16float(w[at / 2u] >> (16u * (at % 2u))).x;
}

// Values at to at+3.
fn weight4(at: u32) -> vec4<f32> {
    let word = at / 2u;
    let a = unpack2x16float(w[word]);
    let b = unpack2x16float(w[word + 1u]);
    if (at % 2u == 0u) {
        return vec4<f32>(a, b);
    }
    return vec4<f32>(a.y, b, unpack2x16float(w[word + 2u]).x);
}
