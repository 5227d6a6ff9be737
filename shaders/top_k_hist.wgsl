// One histogram of the radix select of top-k (paper, eq. 7: TopK): of the
// highest 11 bits of the votes' keys, then 11, then 10, each among the votes
// that share the digits chosen before.
//
// vote: [n], as bits; hist: [3][2048]; cut: lib/top_k.
// A workgroup takes 2048 votes. Each finds the digit that the histogram before
// has decided; the first notes it in cut and clears the histogram that no
// workgroup uses in this round. NaN has the lowest key. Writes nothing on a hit.
//#import lib/grid
//#import lib/sort_key
//#import lib/state
//#import lib/top_k
@group(0) @binding(0) var<storage, read> vote: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> hist: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> cut: array<u32>;

var<workgroup> counts: array<atomic<u32>, 2048>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (state[STATE_HIT] != 0u || number * BLOCK >= p.n) {
        return;
    }
    // A key counts if its bits above the digit are prefix, and the digit starts
    // at bit shift.
    var prefix = 0u;
    var prefix_shift = 0u;
    var shift = 21u;
    if (p.round > 0u) {
        var rest = p.n_select;
        if (p.round == 2u) {
            rest = cut[CUT_REST1];
        }
        var own: array<u32, 8>;
        for (var j = 0u; j < 8u; j++) {
            own[j] = atomicLoad(&hist[(p.round - 1u) * BINS + BINS - 1u - 8u * i - j]);
        }
        let found = find_digit(i, rest, own);
        var to = CUT_PREFIX1;
        prefix = found.bin;
        prefix_shift = 21u;
        shift = 10u;
        if (p.round == 2u) {
            to = CUT_PREFIX2;
            prefix = (cut[CUT_PREFIX1] << 11u) | found.bin;
            prefix_shift = 10u;
            shift = 0u;
        }
        if (number == 0u && i == 0u) {
            cut[to] = prefix;
            cut[to + 1u] = found.left;
        }
    }
    if (number == 0u) {
        let unused = (p.round + 1u) % 3u;
        for (var j = i; j < BINS; j += 256u) {
            atomicStore(&hist[unused * BINS + j], 0u);
        }
    }

    let end = min((number + 1u) * BLOCK, p.n);
    for (var t = number * BLOCK + i; t < end; t += 256u) {
        let key = sort_key(vote[t]);
        if (p.round == 0u) {
            atomicAdd(&counts[key >> 21u], 1u);
        } else if ((key >> prefix_shift) == prefix) {
            // The last digit has 10 bits.
            atomicAdd(&counts[(key >> shift) & ((1u << (prefix_shift - shift)) - 1u)], 1u);
        }
    }
    workgroupBarrier();
    for (var b = i; b < BINS; b += 256u) {
        let count = atomicLoad(&counts[b]);
        if (count > 0u) {
            atomicAdd(&hist[p.round * BINS + b], count);
        }
    }
}
