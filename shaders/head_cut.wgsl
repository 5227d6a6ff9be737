// Where the k largest scores of each head end (paper, eq. 6: TopK of one head).
//
// score: [heads][n], as bits; cut: [heads][2], the key of a head's k-th largest
// score and the last candidate that is among the k with this very key: of equal
// scores the first are taken. One workgroup a head, which finds the key as the
// kernels of top_k do, by histograms of its highest 11 bits, then 11, then 10.
// Writes nothing on a hit.
//#import lib/digit
//#import lib/grid
//#import lib/sort_key
//#import lib/state
struct Params {
    heads: u32,
    n: u32, // candidates
    k: u32,
}

@group(0) @binding(0) var<storage, read> score: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> cut: array<vec2<u32>>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> counts: array<atomic<u32>, 2048>;
var<workgroup> in_block: u32; // scores at the key in a block of 2048

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let head = group_index(id, groups);
    if (state[STATE_HIT] != 0u || head >= p.heads) {
        return;
    }
    let from_score = head * p.n;
    var key = 0u; // its digits so far
    var rest = p.k;
    for (var digits = 0u; digits < 3u; digits++) {
        for (var b = i; b < BINS; b += 256u) {
            atomicStore(&counts[b], 0u);
        }
        workgroupBarrier();
        for (var t = i; t < p.n; t += 256u) {
            let own = sort_key(score[from_score + t]);
            if (digits == 0u) {
                atomicAdd(&counts[own >> 21u], 1u);
            } else if (digits == 1u) {
                if ((own >> 21u) == key) {
                    atomicAdd(&counts[(own >> 10u) & 2047u], 1u);
                }
            } else if ((own >> 10u) == key) {
                atomicAdd(&counts[own & 1023u], 1u);
            }
        }
        workgroupBarrier();
        var own_bins: array<u32, 8>;
        for (var j = 0u; j < 8u; j++) {
            own_bins[j] = atomicLoad(&counts[BINS - 1u - 8u * i - j]);
        }
        let found = find_digit(i, rest, own_bins);
        if (digits == 2u) {
            key = (key << 10u) | found.bin;
        } else {
            key = (key << 11u) | found.bin;
        }
        rest = found.left;
        workgroupBarrier();
    }

    // The rest-th candidate at the key, counted in blocks.
    var before = 0u;
    for (var block = 0u; block < p.n; block += 2048u) {
        var here = 0u;
        for (var j = 0u; j < 8u; j++) {
            let t = block + 8u * i + j;
            if (t < p.n) {
                here += u32(sort_key(score[from_score + t]) == key);
            }
        }
        let through = inclusive_scan(i, here);
        if (i == 255u) {
            in_block = through;
        }
        var seen = before + through - here;
        if (seen < rest && rest <= seen + here) {
            for (var j = 0u; j < 8u; j++) {
                let t = block + 8u * i + j;
                if (t < p.n && sort_key(score[from_score + t]) == key) {
                    seen += 1u;
                    if (seen == rest) {
                        cut[head] = vec2<u32>(key, t);
                    }
                }
            }
        }
        workgroupBarrier();
        before += in_block;
        workgroupBarrier();
    }
}
