// top_k_border and top_k_take in one, for few candidates: every workgroup goes
// through all votes for itself, which takes less time than another kernel does
// (paper, eq. 7: TopK). Writes the rows of the k largest votes in order of
// position: row lo + t for candidate t.
//
// vote: [n], as bits; hist: of soft_vote_hist, whose bins are cleared for the next
// selection, and in which workgroups that are done are counted behind the bins;
// sel: [n_select]. A workgroup writes the rows of a block of 4096 votes, 16 in a
// row for an invocation. The border, the bin of the k-th largest vote, goes into a
// list, in which the key of that vote is found by digits of 9 bits; what is above
// it before the block tells where the block's rows go. A border that the list has
// no room for is read from the votes each time. Of the votes at the cut the lowest
// rows are taken. Writes nothing on a hit.
//#import lib/grid
//#import lib/state
//#import lib/top_k
//#import lib/vote_bin
@group(0) @binding(0) var<storage, read> vote: array<u32>;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> hist: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read_write> sel: array<u32>;

const OWN: u32 = 16u;     // votes of an invocation's own, which it also reads at a time
const STRIDE: u32 = 4096u; // votes that are read at a time, and those of a block
const LIST: u32 = 1024u;  // votes of a border that there is room for
const SOME: u32 = 8u;     // of them that an invocation looks at at a time
const DIGIT: u32 = 9u;    // bits

var<workgroup> words: array<u32, 2112>;  // the bins, every 32 of them with a word behind, so that what invocations read side by side is kept apart; then the list, keys and candidates
var<workgroup> listed: atomic<u32>;      // votes in the border
var<workgroup> digits: array<atomic<u32>, 512>;
var<workgroup> before_above: atomic<u32>;
var<workgroup> before_at: atomic<u32>;
var<workgroup> done: u32;

// Some votes of the border, every 256th from e on: keys and candidates, p.n where
// there is none.
fn border(e: u32, many: u32, in_list: bool, bin: u32) -> array<vec2<u32>, SOME> {
    var some: array<vec2<u32>, SOME>;
    if (in_list) {
        for (var j = 0u; j < SOME; j++) {
            let at = e + j * 256u;
            some[j] = vec2<u32>(0u, p.n);
            if (at < many) {
                some[j] = vec2<u32>(words[2u * at], words[2u * at + 1u]);
            }
        }
        return some;
    }
    for (var j = 0u; j < SOME; j++) {
        some[j].x = vote[min(e + j * 256u, p.n - 1u)];
    }
    for (var j = 0u; j < SOME; j++) {
        let bits = some[j].x;
        some[j] = vec2<u32>(sort_key(bits), select(p.n, e + j * 256u, vote_bin(bits) == bin));
    }
    return some;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (state[STATE_HIT] != 0u || number * STRIDE >= p.n) {
        return;
    }
    let start = number * STRIDE;
    // Votes are asked for before the ones at hand are looked at.
    var next: array<u32, OWN>;
    for (var j = 0u; j < OWN; j++) {
        next[j] = vote[min(i + j * 256u, p.n - 1u)];
    }
    for (var b = i; b < BINS; b += 256u) {
        words[b + b / 32u] = atomicLoad(&hist[b]);
    }
    workgroupBarrier();
    var bins: array<u32, 8>;
    for (var j = 0u; j < 8u; j++) {
        let b = BINS - 1u - 8u * i - j;
        bins[j] = words[b + b / 32u];
    }
    var rest = find_digit(i, p.n_select, bins).left;
    let bin = workgroupUniformLoad(&digit).bin; // how many passes there are below depends on it
    var above = 0u;
    for (var from_vote = 0u; from_vote < p.n; from_vote += STRIDE) {
        var votes = next;
        for (var j = 0u; j < OWN; j++) {
            next[j] = vote[min(from_vote + STRIDE + i + j * 256u, p.n - 1u)];
        }
        for (var j = 0u; j < OWN; j++) {
            let t = from_vote + i + j * 256u;
            let its = vote_bin(votes[j]);
            if (t < p.n && its >= bin) {
                if (its > bin) {
                    above += u32(t < start);
                } else {
                    let e = atomicAdd(&listed, 1u);
                    if (e < LIST) {
                        words[2u * e] = sort_key(votes[j]);
                        words[2u * e + 1u] = t;
                    }
                }
            }
        }
    }
    workgroupBarrier();
    let in_list = atomicLoad(&listed) <= LIST;
    let many = select(p.n, atomicLoad(&listed), in_list);

    // The border's keys share the bits above those of a bin, but in the first
    // and the last.
    var shift = BIN_SHIFT - DIGIT;
    var prefix = (0x80000000u >> BIN_SHIFT) | (bin + BIN_FIRST);
    if (bin == 0u || bin == BIN_LAST) {
        shift = 27u;
        prefix = 0u;
    }
    var last = false;
    for (var pass_number = 0u; !last; pass_number++) {
        atomicStore(&digits[i], 0u);
        atomicStore(&digits[256u + i], 0u);
        workgroupBarrier();
        for (var e = i; e < many; e += SOME * 256u) {
            var some = border(e, many, in_list, bin);
            for (var j = 0u; j < SOME; j++) {
                if (some[j].y < p.n && (pass_number == 0u || (some[j].x >> (shift + DIGIT)) == prefix)) {
                    atomicAdd(&digits[(some[j].x >> shift) & 511u], 1u);
                }
            }
        }
        workgroupBarrier();
        let high = atomicLoad(&digits[511u - 2u * i]);
        let low = atomicLoad(&digits[510u - 2u * i]);
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
    let cut_key = prefix;
    let equal = rest;

    var at = 0u;
    for (var e = i; e < many; e += SOME * 256u) {
        var some = border(e, many, in_list, bin);
        for (var j = 0u; j < SOME; j++) {
            if (some[j].y < start) {
                above += u32(some[j].x > cut_key);
                at += u32(some[j].x == cut_key);
            }
        }
    }
    atomicAdd(&before_above, above);
    atomicAdd(&before_at, at);

    // Both counts of a block fit into a word: 4096 at most.
    let first = start + OWN * i;
    var keys: array<u32, OWN>;
    var mine = 0u;
    for (var j = 0u; j < OWN; j++) {
        keys[j] = sort_key(vote[min(first + j, p.n - 1u)]);
        if (first + j < p.n) {
            mine += (u32(keys[j] > cut_key) << 16u) + u32(keys[j] == cut_key);
        }
    }
    let before = inclusive_scan(i, mine) - mine;
    above = atomicLoad(&before_above) + (before >> 16u);
    at = atomicLoad(&before_at) + (before & 0xffffu);
    for (var j = 0u; j < OWN; j++) {
        if (first + j < p.n) {
            let key = keys[j];
            if (key > cut_key || (key == cut_key && at < equal)) {
                sel[above + min(at, equal)] = p.lo + first + j;
            }
            above += u32(key > cut_key);
            at += u32(key == cut_key);
        }
    }
    // Who is last clears the bins, which all have read by then.
    if (i == 0u) {
        done = atomicAdd(&hist[BORDER_COUNT], 1u) + 1u;
    }
    workgroupBarrier();
    if (done * STRIDE >= p.n) {
        for (var b = i; b < BINS; b += 256u) {
            atomicStore(&hist[b], 0u);
        }
    }
}
