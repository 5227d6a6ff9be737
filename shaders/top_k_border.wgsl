// Finds the bin of the k-th largest vote and copies its votes, the border, to a
// list: only among them is there anything to decide (paper, eq. 7: TopK).
//
// vote: [n], as bits; hist: of soft_vote_hist; cut: lib/top_k, of which the bin
// and how many of the k it has are written; counts: [blocks], the votes of each
// block of 2048 in higher bins; border: [n][2], keys and candidates, in no
// order. One workgroup a block. Writes nothing on a hit.
//#import lib/grid
//#import lib/state
//#import lib/top_k
//#import lib/vote_bin
@group(0) @binding(0) var<storage, read> vote: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> hist: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> cut: array<u32>;
@group(0) @binding(4) var<storage, read_write> counts: array<u32>;
@group(0) @binding(5) var<storage, read_write> border: array<vec2<u32>>;

var<workgroup> all_bins: array<u32, 2112>; // every 32 of them with a word behind: what invocations read side by side is kept apart
var<workgroup> above: atomic<u32>;
var<workgroup> here: atomic<u32>; // votes of the block in the border
var<workgroup> to: u32;           // where in border they go

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (state[STATE_HIT] != 0u || number * BLOCK >= p.n) {
        return;
    }
    var votes: array<u32, 8>;
    for (var j = 0u; j < 8u; j++) {
        votes[j] = vote[min(number * BLOCK + i + j * 256u, p.n - 1u)];
    }
    var bins: array<u32, 8>;
    for (var j = 0u; j < 8u; j++) {
        bins[j] = atomicLoad(&hist[i + j * 256u]);
    }
    for (var j = 0u; j < 8u; j++) {
        let b = i + j * 256u;
        all_bins[b + b / 32u] = bins[j];
    }
    workgroupBarrier();
    var own: array<u32, 8>;
    for (var j = 0u; j < 8u; j++) {
        let b = BINS - 1u - 8u * i - j;
        own[j] = all_bins[b + b / 32u];
    }
    let found = find_digit(i, p.n_select, own);
    if (number == 0u && i == 0u) {
        cut[CUT_PREFIX1] = found.bin;
        cut[CUT_REST1] = found.left;
    }
    var mine = 0u;
    var places: array<u32, 8>;
    for (var j = 0u; j < 8u; j++) {
        places[j] = BLOCK;
        if (number * BLOCK + i + j * 256u < p.n) {
            let bin = vote_bin(votes[j]);
            mine += u32(bin > found.bin);
            if (bin == found.bin) {
                places[j] = atomicAdd(&here, 1u);
            }
        }
    }
    if (mine > 0u) {
        atomicAdd(&above, mine);
    }
    workgroupBarrier();
    if (i == 0u) {
        counts[number] = atomicLoad(&above);
        to = atomicAdd(&hist[BORDER_COUNT], atomicLoad(&here));
    }
    workgroupBarrier();
    for (var j = 0u; j < 8u; j++) {
        if (places[j] < BLOCK) {
            border[to + places[j]] = vec2<u32>(sort_key(votes[j]), number * BLOCK + i + j * 256u);
        }
    }
}
