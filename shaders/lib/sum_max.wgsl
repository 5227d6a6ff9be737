// Sums and maxima over a workgroup of 256 invocations, which all must call. The
// order of a sum is fixed. Every invocation gets the result, and memory is free
// for the next call on return.
//
// Two steps of 16 need two barriers where a tree needs nine. The next call writes
// tree when all are past the second barrier, and sixteenth past its own first.
var<workgroup> tree: array<f32, 256>;
var<workgroup> sixteenth: array<f32, 16>;

fn workgroup_sum(i: u32, v: f32) -> f32 {
    tree[i] = v;
    workgroupBarrier();
    if (i < 16u) {
        var sum = tree[i];
        for (var j = i + 16u; j < 256u; j += 16u) {
            sum += tree[j];
        }
        sixteenth[i] = sum;
    }
    workgroupBarrier();
    var sum = sixteenth[0];
    for (var j = 1u; j < 16u; j++) {
        sum += sixteenth[j];
    }
    return sum;
}

fn workgroup_max(i: u32, v: f32) -> f32 {
    tree[i] = v;
    workgroupBarrier();
    if (i < 16u) {
        var most = tree[i];
        for (var j = i + 16u; j < 256u; j += 16u) {
            most = max(most, tree[j]);
        }
        sixteenth[i] = most;
    }
    workgroupBarrier();
    var most = sixteenth[0];
    for (var j = 1u; j < 16u; j++) {
        most = max(most, sixteenth[j]);
    }
    return most;
}
