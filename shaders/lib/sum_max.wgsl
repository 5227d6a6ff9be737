// Sums and maxima over a workgroup of 256 invocations, which all must call. The
// order of a sum is fixed. Every invocation gets the result, and memory is free
// for the next call on return.
var<workgroup> tree: array<f32, 256>;

fn workgroup_sum(i: u32, v: f32) -> f32 {
    tree[i] = v;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half = half / 2u) {
        if (i < half) {
            tree[i] += tree[i + half];
        }
        workgroupBarrier();
    }
    let sum = tree[0];
    workgroupBarrier();
    return sum;
}

fn workgroup_max(i: u32, v: f32) -> f32 {
    tree[i] = v;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half = half / 2u) {
        if (i < half) {
            tree[i] = max(tree[i], tree[i + half]);
        }
        workgroupBarrier();
    }
    let most = tree[0];
    workgroupBarrier();
    return most;
}
