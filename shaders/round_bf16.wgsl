// Rounds float32 values to bfloat16, in place.
//
// x: [n], as bits. A workgroup takes 256 values.
//#import lib/bf16
//#import lib/grid
struct Params {
    n: u32,
}

@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let at = group_index(id, groups) * 256u + i;
    if (at < p.n) {
        x[at] = round_bits(x[at]);
    }
}
