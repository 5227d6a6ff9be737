// RoPE of four pairs of a head: low are dimensions i..i+3 and high i+d/2..i+d/2+3
// (paper, eq. 2; the pairing of the Llama family).
struct Pairs {
    low: vec4<f32>,
    high: vec4<f32>,
}

fn rotate(low: vec4<f32>, high: vec4<f32>, cosines: vec4<f32>, sines: vec4<f32>) -> Pairs {
    return Pairs(low * cosines - high * sines, high * cosines + low * sines);
}
