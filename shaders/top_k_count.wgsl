// Counts what each block of 2048 votes holds above and at the key of the k-th
// largest vote (paper, eq. 7: TopK).
//
// vote: [n], as bits; hist: [3][2048]; cut: lib/top_k; counts: [blocks][2],
// above then at. One workgroup a block; each finds the last digit of the key,
// and the first notes the key in cut. Writes nothing on a hit.
//#import lib/grid
//#import lib/sort_key
//#import lib/state
//#import lib/top_k
@group(0) @binding(0) var<storage, read> vote: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read> hist: array<u32>;
@group(0) @binding(3) var<storage, read_write> cut: array<u32>;
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;

var<workgroup> above: atomic<u32>;
var<workgroup> at: atomic<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (state[STATE_HIT] != 0u || number * BLOCK >= p.n) {
        return;
    }
    var own: array<u32, 8>;
    for (var j = 0u; j < 8u; j++) {
        own[j] = hist[3u * BINS - 1u - 8u * i - j];
    }
    let found = find_digit(i, cut[CUT_REST2], own);
    let cut_key = (cut[CUT_PREFIX2] << 10u) | found.bin;
    if (number == 0u && i == 0u) {
        cut[CUT_KEY] = cut_key;
        cut[CUT_EQUAL] = found.left;
    }

    var mine_above = 0u;
    var mine_at = 0u;
    let end = min((number + 1u) * BLOCK, p.n);
    for (var t = number * BLOCK + i; t < end; t += 256u) {
        let key = sort_key(vote[t]);
        mine_above += u32(key > cut_key);
        mine_at += u32(key == cut_key);
    }
    atomicAdd(&above, mine_above);
    atomicAdd(&at, mine_at);
    workgroupBarrier();
    if (i == 0u) {
        counts[2u * number] = atomicLoad(&above);
        counts[2u * number + 1u] = atomicLoad(&at);
    }
}
