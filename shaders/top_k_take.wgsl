// Writes the rows of the k largest votes in order of position (paper, eq. 7:
// TopK): row lo + t for candidate t.
//
// vote: [n], as bits; cut, counts, border: of top_k_border; hist: of
// soft_vote_hist, whose bins are cleared for the next selection; sel:
// [n_select]. A workgroup takes a block of 2048 votes, 8 in a row for an
// invocation. It finds the key of the k-th largest among the border's, by their
// ranks where there is an invocation for each of them, or else by digits of 9 bits;
// where a chosen vote goes is the number of chosen ones before it: in the blocks
// before, from counts and the border, and in the block, from prefix sums. Of the
// votes at the cut the lowest rows are taken. Writes nothing on a hit.
//#import lib/grid
//#import lib/state
//#import lib/top_k
//#import lib/vote_bin
@group(0) @binding(0) var<storage, read> vote: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read> cut: array<u32>;
@group(0) @binding(3) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read> border: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> hist: array<u32>;
@group(0) @binding(6) var<storage, read_write> sel: array<u32>;

const DIGIT: u32 = 9u; // bits

var<workgroup> bins: array<atomic<u32>, 512>;
var<workgroup> near: array<vec2<u32>, 256>; // the border, if it is that small
var<workgroup> size: u32;                   // of the border
var<workgroup> before_above: atomic<u32>;
var<workgroup> before_at: atomic<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (state[STATE_HIT] != 0u || number * BLOCK >= p.n) {
        return;
    }
    let start = number * BLOCK;
    var keys: array<u32, 8>;
    for (var j = 0u; j < 8u; j++) {
        keys[j] = vote[min(start + 8u * i + j, p.n - 1u)];
    }
    // What is read does not depend on how many there are, so that nothing waits for
    // that. The first entries stay in registers: few borders have more.
    var entries: array<vec2<u32>, 4>;
    for (var j = 0u; j < 4u; j++) {
        entries[j] = border[min(i + j * 256u, p.n - 1u)];
    }
    var above = 0u;
    for (var b = i; b < number; b += 256u) {
        above += counts[b];
    }
    if (i == 0u) {
        size = hist[BORDER_COUNT];
    }
    near[i] = entries[0];
    let many = workgroupUniformLoad(&size);
    let bin = cut[CUT_PREFIX1];
    var rest = cut[CUT_REST1];

    var prefix = 0u;
    if (many <= 256u) {
        // As many are before the last that is taken as are taken besides.
        var greater = 0u;
        var equal_before = 0u;
        let own = entries[0];
        for (var e = 0u; e < many; e += 8u) {
            for (var j = 0u; j < 8u; j++) {
                let other = near[e + j];
                let there = e + j < many;
                greater += u32(there && other.x > own.x);
                equal_before += u32(there && other.x == own.x && other.y < own.y);
            }
        }
        if (i < many && greater + equal_before == rest - 1u) {
            digit.bin = own.x;
            digit.left = equal_before + 1u;
        }
        workgroupBarrier();
        prefix = digit.bin;
        rest = digit.left;
    } else {
        // The border's keys share the bits above those of a bin, but in the first
        // and the last.
        var shift = BIN_SHIFT - DIGIT;
        prefix = (0x80000000u >> BIN_SHIFT) | (bin + BIN_FIRST);
        if (bin == 0u || bin == BIN_LAST) {
            shift = 27u;
            prefix = 0u;
        }
        var last = false;
        for (var pass_number = 0u; !last; pass_number++) {
            atomicStore(&bins[i], 0u);
            atomicStore(&bins[256u + i], 0u);
            workgroupBarrier();
            for (var j = 0u; j < 4u; j++) {
                if (i + j * 256u < many && (pass_number == 0u || (entries[j].x >> (shift + DIGIT)) == prefix)) {
                    atomicAdd(&bins[(entries[j].x >> shift) & 511u], 1u);
                }
            }
            for (var e = i + 1024u; e < many; e += 256u) {
                let key = border[e].x;
                if (pass_number == 0u || (key >> (shift + DIGIT)) == prefix) {
                    atomicAdd(&bins[(key >> shift) & 511u], 1u);
                }
            }
            workgroupBarrier();
            let high = atomicLoad(&bins[511u - 2u * i]);
            let low = atomicLoad(&bins[510u - 2u * i]);
            let over = inclusive_scan(i, high + low) - high - low;
            if (over < rest && rest <= over + high + low) {
                let second = u32(over + high < rest);
                digit.bin = 511u - 2u * i - second;
                digit.left = rest - over - second * high;
            }
            workgroupBarrier();
            prefix = (prefix << DIGIT) | digit.bin;
            rest = digit.left;
            last = shift == 0u;
            shift -= min(shift, DIGIT);
            workgroupBarrier();
        }
    }
    let cut_key = prefix;
    let equal = rest;

    var at = 0u;
    for (var j = 0u; j < 4u; j++) {
        if (i + j * 256u < many && entries[j].y < start) {
            above += u32(entries[j].x > cut_key);
            at += u32(entries[j].x == cut_key);
        }
    }
    for (var e = i + 1024u; e < many; e += 256u) {
        let entry = border[e];
        if (entry.y < start) {
            above += u32(entry.x > cut_key);
            at += u32(entry.x == cut_key);
        }
    }
    if (above > 0u) {
        atomicAdd(&before_above, above);
    }
    if (at > 0u) {
        atomicAdd(&before_at, at);
    }

    // Both counts of a block fit into a word: 2048 at most.
    let first = start + 8u * i;
    var mine = 0u;
    for (var j = 0u; j < 8u; j++) {
        keys[j] = sort_key(keys[j]);
        if (first + j < p.n) {
            mine += (u32(keys[j] > cut_key) << 16u) + u32(keys[j] == cut_key);
        }
    }
    let before = inclusive_scan(i, mine) - mine;
    above = atomicLoad(&before_above) + (before >> 16u);
    at = atomicLoad(&before_at) + (before & 0xffffu);
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
    // The bins, which nobody reads here, are ready for the next selection.
    if (number == 0u) {
        for (var b = i; b < BINS; b += 256u) {
            hist[b] = 0u;
        }
    }
}
