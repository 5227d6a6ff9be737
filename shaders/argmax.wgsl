// The index of the largest value: id[0] = argmax of x.
//
// x: [n], as bits; id: [1].
// There is one workgroup. The lowest of equal indices wins, and zeros of either
// sign are equal. NaN never wins, nor does -Inf: it is 0 if there is nothing else.
//#import lib/grid
//#import lib/sort_key
struct Params {
    n: u32,
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> id: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

struct Best {
    key: u32,
    at: u32,
}

var<workgroup> best: array<Best, 256>;

fn better(a: Best, b: Best) -> Best {
    if (b.key > a.key || (b.key == a.key && b.at < a.at)) {
        return b;
    }
    return a;
}

fn candidate(bits: u32, at: u32) -> Best {
    if (bits == 0xff800000u) {
        return Best(0u, 0u);
    }
    return Best(sort_key(select(bits, 0u, bits == 0x80000000u)), at);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    if (group_index(group, groups) > 0u) {
        return;
    }
    var mine = Best(0u, 0u);
    // Sixteen at a time, so that as many reads are on their way together.
    for (var first = i; first < p.n; first += 4096u) {
        var bits: array<u32, 16>;
        for (var j = 0u; j < 16u; j++) {
            bits[j] = x[min(first + 256u * j, p.n - 1u)];
        }
        for (var j = 0u; j < 16u; j++) {
            mine = better(mine, candidate(bits[j], min(first + 256u * j, p.n - 1u)));
        }
    }
    best[i] = mine;
    workgroupBarrier();
    for (var half = 128u; half > 0u; half = half / 2u) {
        if (i < half) {
            best[i] = better(best[i], best[i + half]);
        }
        workgroupBarrier();
    }
    if (i == 0u) {
        id[0] = best[0].at;
    }
}
