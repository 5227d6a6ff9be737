// Inclusive prefix sums over a workgroup of 256 invocations, which all must
// call. Memory is free for the next call on return.
var<workgroup> sums: array<u32, 256>;

fn inclusive_scan(i: u32, v: u32) -> u32 {
    var sum = v;
    sums[i] = sum;
    workgroupBarrier();
    for (var step = 1u; step < 256u; step = step * 2u) {
        var before = 0u;
        if (i >= step) {
            before = sums[i - step];
        }
        workgroupBarrier();
        sum += before;
        sums[i] = sum;
        workgroupBarrier();
    }
    return sum;
}
