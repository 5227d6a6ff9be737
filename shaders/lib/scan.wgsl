// Inclusive prefix sums over a workgroup of 256 invocations, which all must
// call. Memory is free for the next call on return.
//
// In steps of 16, with three barriers: a step of two would need sixteen. All loops
// have 16 turns, so that their reads need not wait for each other.
var<workgroup> sums: array<u32, 256>;
var<workgroup> sixteenths: array<u32, 16>;

fn inclusive_scan(i: u32, v: u32) -> u32 {
    sums[i] = v;
    workgroupBarrier();
    if (i < 16u) {
        var sum = 0u;
        for (var j = 0u; j < 16u; j++) {
            sum += sums[16u * i + j];
        }
        sixteenths[i] = sum;
    }
    workgroupBarrier();
    var sum = v;
    for (var j = 0u; j < 16u; j++) {
        sum += select(0u, sixteenths[j], j < i / 16u);
        sum += select(0u, sums[(i & ~15u) + j], j < (i & 15u));
    }
    workgroupBarrier();
    return sum;
}
