// The bins of soft_vote_hist, which order votes as their keys do, but coarsely:
// 32 to an octave from 2^-58 to 64. The lowest also has all that is less,
// negative or NaN, and the highest all that is more.
//#import lib/sort_key
const BORDER_COUNT: u32 = 2048u; // behind the bins: votes in the bin of the k-th largest
const BIN_SHIFT: u32 = 18u;      // votes of a bin differ in these bits alone,
const BIN_FIRST: u32 = 2208u;    // but for the first and the last: 69 << 5
const BIN_LAST: u32 = 2047u;

fn vote_bin(bits: u32) -> u32 {
    let key = sort_key(bits);
    let octaves = (key & 0x7fffffffu) >> BIN_SHIFT;
    if (key < 0x80000000u || octaves < BIN_FIRST) {
        return 0u;
    }
    return min(octaves - BIN_FIRST, BIN_LAST);
}
