// The index of the largest of several values: id[g] = argmax of x over part g of
// them, which are x itself or, with p.chosen, the values at indices of it.
//
// x: [..], as bits; among: [n] indices, if p.chosen; id: [n / p.share].
// A workgroup takes one part. The lowest of equal indices wins, and zeros of either
// sign are equal. NaN never wins, nor does -Inf: it is 0 if there is nothing else.
//#import lib/grid
//#import lib/sort_key
struct Params {
    n: u32,
    share: u32,  // values of a part
    chosen: u32, // 1: those at the indices of among
}

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> among: array<u32>;
@group(0) @binding(2) var<storage, read_write> id: array<u32>;
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

fn index_of(j: u32) -> u32 {
    if (p.chosen != 0u) {
        return among[j];
    }
    return j;
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
    let part = group_index(group, groups);
    let begin = part * p.share;
    if (begin >= p.n) {
        return;
    }
    let end = min(begin + p.share, p.n);
    var mine = Best(0u, 0u);
    // Sixteen at a time, so that as many reads are on their way together.
    for (var first = begin + i; first < end; first += 4096u) {
        var at: array<u32, 16>;
        var bits: array<u32, 16>;
        for (var j = 0u; j < 16u; j++) {
            at[j] = index_of(min(first + 256u * j, end - 1u));
        }
        for (var j = 0u; j < 16u; j++) {
            bits[j] = x[at[j]];
        }
        for (var j = 0u; j < 16u; j++) {
            mine = better(mine, candidate(bits[j], at[j]));
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
        id[part] = best[0].at;
    }
}
