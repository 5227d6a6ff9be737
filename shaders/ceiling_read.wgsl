// Reads x and nothing else: the ceiling of kernels that stream memory.
//
// x: [n] vectors of four words; y: [groups], the exclusive or of the words of
// every workgroup. A workgroup takes 4096 vectors, 256 side by side at a time.
//#import lib/grid
struct Params {
    n: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

const VECTORS: u32 = 4096u;

var<workgroup> all: atomic<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (number * VECTORS >= p.n) {
        return;
    }
    let end = min((number + 1u) * VECTORS, p.n);
    var sum = vec4<u32>(0u, 0u, 0u, 0u);
    for (var at = number * VECTORS + i; at < end; at += 1024u) {
        // Four loads that do not wait for each other.
        var a = vec4<u32>(0u, 0u, 0u, 0u);
        var b = a;
        var c = a;
        let first = x[at];
        if (at + 256u < end) {
            a = x[at + 256u];
        }
        if (at + 512u < end) {
            b = x[at + 512u];
        }
        if (at + 768u < end) {
            c = x[at + 768u];
        }
        sum = sum ^ first ^ a ^ b ^ c;
    }
    atomicXor(&all, sum.x ^ sum.y ^ sum.z ^ sum.w);
    workgroupBarrier();
    if (i == 0u) {
        y[number] = atomicLoad(&all);
    }
}
