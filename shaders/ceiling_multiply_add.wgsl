// Multiplies and adds and nothing else: the ceiling of kernels that compute.
// Each value goes through v = v * factor + step so many times, 16 of them written out,
// as counting turns takes a third of the time otherwise.
//
// y: [n] vectors of four float32 values, 32 for each of 256 invocations of a
// workgroup: enough that none waits for its own results.
//#import lib/grid
struct Params {
    n: u32,
    rounds: u32,
    factor: f32,
    step: f32,
}

@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let at = group_index(id, groups) * 2048u + i;
    var v: array<vec4<f32>, 8>;
    for (var j = 0u; j < 8u; j++) {
        if (at + j * 256u < p.n) {
            v[j] = y[at + j * 256u];
        }
    }
    let factor = vec4<f32>(p.factor, p.factor, p.factor, p.factor);
    let step = vec4<f32>(p.step, p.step, p.step, p.step);
    for (var r = 0u; r < p.rounds / 16u; r++) {
//#each R 16
//#each J 8
        v[J] = fma(v[J], factor, step);
//#end
//#end
    }
    for (var r = 0u; r < p.rounds % 16u; r++) {
//#each J 8
        v[J] = fma(v[J], factor, step);
//#end
    }
    for (var j = 0u; j < 8u; j++) {
        if (at + j * 256u < p.n) {
            y[at + j * 256u] = v[j];
        }
    }
}
