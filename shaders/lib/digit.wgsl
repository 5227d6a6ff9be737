// A digit of a radix select: which of 2048 bins of a histogram is cut.
//#import lib/scan
const BINS: u32 = 2048u;

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
