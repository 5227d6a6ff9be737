// Writes the rows of the k largest votes in order of position (paper, eq. 7:
// TopK): row lo + t for candidate t.
//
// vote: [n], as bits; cut: lib/top_k; counts: [blocks][2] of top_k_count; sel:
// [n_select]. A workgroup takes a block of 2048 votes, 8 in a row for an
// invocation. Where a chosen vote goes is the number of chosen ones before it:
// in the blocks before, from counts, and in the block, from prefix sums. Of the
// votes at the cut the lowest rows are taken. Writes nothing on a hit.
//#import lib/grid
//#import lib/sort_key
//#import lib/state
//#import lib/top_k
@group(0) @binding(0) var<storage, read> vote: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read> cut: array<u32>;
@group(0) @binding(3) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read_write> sel: array<u32>;

var<workgroup> blocks_above: atomic<u32>;
var<workgroup> blocks_at: atomic<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (state[STATE_HIT] != 0u || number * BLOCK >= p.n) {
        return;
    }
    var above = 0u;
    var at = 0u;
    for (var b = i; b < number; b += 256u) {
        above += counts[2u * b];
        at += counts[2u * b + 1u];
    }
    atomicAdd(&blocks_above, above);
    atomicAdd(&blocks_at, at);

    // Both counts of a block fit into a word: 2048 at most.
    let cut_key = cut[CUT_KEY];
    let equal = cut[CUT_EQUAL];
    let first = number * BLOCK + 8u * i;
    var keys: array<u32, 8>;
    var mine = 0u;
    for (var j = 0u; j < 8u; j++) {
        if (first + j < p.n) {
            let key = sort_key(vote[first + j]);
            keys[j] = key;
            mine += (u32(key > cut_key) << 16u) + u32(key == cut_key);
        }
    }
    let before = inclusive_scan(i, mine) - mine;
    above = atomicLoad(&blocks_above) + (before >> 16u);
    at = atomicLoad(&blocks_at) + (before & 0xffffu);
    for (var j = 0u; j < 8u; j++) {
        if (first + j < p.n) {
            let key = keys[j];
            if (key > cut_key || (key == cut_key && at < equal)) {
                sel[above + min(at, equal)] = p.lo + first + j;
            }
            above += u32(key > cut_key);
            at += u32(key == cut_key);
        }
    }
}
