// The soft vote (paper, eq. 7) and the histogram of votes that top-k starts
// from, in one.
//
// score, stats: lib/soft_vote; vote: [n], as bits; hist: [2048] zeros, to which
// the votes of each bin are added, and behind them how many votes the border
// has, which is set to zero. Writes nothing on a hit.
//
// With p.half above 0 a candidate has the largest vote of those up to so many
// places beside it, as of max_pool. A workgroup votes for SHARE candidates for
// each of 256 invocations, of which the first and the last p.half are its
// neighbours' too: what has its window here is counted and written.
//#import lib/grid
//#import lib/soft_vote
//#import lib/state
//#import lib/vote_bin
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> vote: array<u32>;
@group(0) @binding(4) var<storage, read_write> hist: array<atomic<u32>>;

var<workgroup> counts: array<atomic<u32>, 2048>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let own = 256u * SHARE - 2u * p.half;
    if (state[STATE_HIT] != 0u || number * own >= p.n) {
        return;
    }
    let first = number * own - p.half; // the first workgroup's wraps around
    var votes = soft_votes(i, first);
    var bits: array<u32, SHARE>;
    for (var j = 0u; j < SHARE; j++) {
        bits[j] = bitcast<u32>(votes[j]);
    }
    if (p.half > 0u) {
        // Votes pass through the counts' memory: with its own there were too much.
        // None is negative, so that they are ordered as their bits.
        for (var j = 0u; j < SHARE; j++) {
            let t = first + i + j * 256u;
            atomicStore(&counts[i + j * 256u], select(0u, bits[j], t < p.n));
        }
        workgroupBarrier();
        for (var j = 0u; j < SHARE; j++) {
            let slot = i + j * 256u;
            if (slot >= p.half && slot < p.half + own) {
                for (var at = slot - p.half; at <= slot + p.half; at++) {
                    bits[j] = max(bits[j], atomicLoad(&counts[at]));
                }
            }
        }
        workgroupBarrier();
        for (var j = 0u; j < SHARE; j++) {
            atomicStore(&counts[i + j * 256u], 0u);
        }
        workgroupBarrier();
    }
    for (var j = 0u; j < SHARE; j++) {
        let slot = i + j * 256u;
        let t = first + slot;
        if (slot >= p.half && slot < p.half + own && t < p.n) {
            vote[t] = bits[j];
            atomicAdd(&counts[vote_bin(bits[j])], 1u);
        }
    }
    if (number == 0u && i == 0u) {
        atomicStore(&hist[BORDER_COUNT], 0u);
    }
    workgroupBarrier();
    for (var b = i; b < 2048u; b += 256u) {
        let count = atomicLoad(&counts[b]);
        if (count > 0u) {
            atomicAdd(&hist[b], count);
        }
    }
}
