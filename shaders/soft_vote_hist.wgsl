// The soft vote (paper, eq. 7) and the histogram of votes that top-k starts
// from, in one.
//
// score, stats: lib/soft_vote; vote: [n], as bits; hist: [2048] zeros, to which
// the votes of each bin are added, and behind them how many votes the border
// has, which is set to zero. A workgroup takes SHARE candidates for each of 256
// invocations. Writes nothing on a hit.
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
    let first = number * 256u * SHARE;
    if (state[STATE_HIT] != 0u || first >= p.n) {
        return;
    }
    var votes = soft_votes(i, first);
    for (var j = 0u; j < SHARE; j++) {
        let t = first + i + j * 256u;
        if (t < p.n) {
            let bits = bitcast<u32>(votes[j]);
            vote[t] = bits;
            atomicAdd(&counts[vote_bin(bits)], 1u);
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
