// What the three kernels of top-k share: see engine/kernels/top_k.go.
//#import lib/scan
const BINS: u32 = 2048u;
const BLOCK: u32 = 2048u; // votes of a workgroup

const CUT_PREFIX1: u32 = 0u; // after the first digit: its value,
const CUT_REST1: u32 = 1u;   // and how many of the k lie at or below it
const CUT_PREFIX2: u32 = 2u; // after the second digit
const CUT_REST2: u32 = 3u;
const CUT_KEY: u32 = 4u;     // the key of the k-th largest vote
const CUT_EQUAL: u32 = 5u;   // how many votes of that very key are taken

struct Params {
    n: u32,        // candidates
    n_select: u32, // k
    round: u32,    // of top_k_hist: 0, 1, 2
    lo: u32,       // row of candidate 0
}

@group(1) @binding(0) var<uniform> p: Params;

struct Digit {
    bin: u32,
    left: u32,
}

var<workgroup> digit: Digit;

// Finds the bin in which the rest-th largest lies, and how many of rest are left
// for that bin. Each of 256 invocations brings 8 bins, from the highest down:
// own[j] is bin 2047 - 8*i - j.
fn find_digit(i: u32, rest: u32, own: array<u32, 8>) -> Digit {
    var bins = own;
    var mine = 0u;
    for (var j = 0u; j < 8u; j++) {
        mine += bins[j];
    }
    var above = inclusive_scan(i, mine) - mine;
    if (above < rest && rest <= above + mine) {
        var j = 0u;
        while (j < 7u && above + bins[j] < rest) {
            above += bins[j];
            j++;
        }
        digit.bin = 2047u - 8u * i - j;
        digit.left = rest - above;
    }
    workgroupBarrier();
    return digit;
}
