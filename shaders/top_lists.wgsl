// The rows of the pages with the largest scores, for each list by itself: equal
// scores go to the lower page, NaN is the least, and rows are in order. The k-th
// largest key is found by its digits of 8 bits from the highest on, each by a
// histogram of the keys that share those before.
//
// score: [lists][pages]; sel: [lists][stride], rows; counts: [lists], how many rows.
// Pages are page rows each from row lo on; the last ends at row hi.
// A workgroup takes a list.
//#import lib/grid
//#import lib/scan
//#import lib/sort_key
struct Params {
    lists: u32,
    pages: u32,
    n_select: u32, // pages, of a list
    page: u32,     // rows of a page
    lo: u32,
    hi: u32,
    stride: u32,   // words from list to list of sel
}

@group(0) @binding(0) var<storage, read> score: array<f32>;
@group(0) @binding(1) var<storage, read_write> sel: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> hist: array<atomic<u32>, 256>;
var<workgroup> chosen: vec2<u32>; // the digit, and how many of the keys with it are taken

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let list = group_index(id, groups);
    if (list >= p.lists) {
        return;
    }
    let first_score = list * p.pages;
    let most = min(p.n_select, p.pages);
    var prefix = 0u; // the digits of the k-th largest key so far
    var rest = most;
    for (var round = 0u; round < 4u; round++) {
        let shift = 24u - 8u * round;
        atomicStore(&hist[i], 0u);
        workgroupBarrier();
        for (var page = i; page < p.pages; page += 256u) {
            let key = sort_key(bitcast<u32>(score[first_score + page]));
            if (round == 0u || (key >> (shift + 8u)) == prefix) {
                atomicAdd(&hist[(key >> shift) & 255u], 1u);
            }
        }
        workgroupBarrier();
        if (i == 0u) {
            var left = rest;
            var digit = 255u;
            for (; digit > 0u; digit--) {
                let here = atomicLoad(&hist[digit]);
                if (left <= here) {
                    break;
                }
                left -= here;
            }
            chosen = vec2<u32>(digit, left);
        }
        workgroupBarrier();
        prefix = (prefix << 8u) | chosen.x;
        rest = chosen.y;
        workgroupBarrier();
    }

    // Each invocation has pages that follow each other.
    let share = (p.pages + 255u) / 256u;
    let from_page = min(i * share, p.pages);
    let to_page = min(from_page + share, p.pages);
    var above = 0u;
    var equal = 0u;
    for (var page = from_page; page < to_page; page++) {
        let key = sort_key(bitcast<u32>(score[first_score + page]));
        above += u32(key > prefix);
        equal += u32(key == prefix);
    }
    let equal_before = inclusive_scan(i, equal) - equal;
    let taken = above + min(equal, rest - min(rest, equal_before));
    var rank = inclusive_scan(i, taken) - taken;
    var equal_left = rest - min(rest, equal_before);
    for (var page = from_page; page < to_page; page++) {
        let key = sort_key(bitcast<u32>(score[first_score + page]));
        var take = key > prefix;
        if (key == prefix && equal_left > 0u) {
            take = true;
            equal_left -= 1u;
        }
        let start = p.lo + page * p.page;
        let end = min(start + p.page, p.hi);
        if (take) {
            for (var row = start; row < end; row++) {
                sel[list * p.stride + rank * p.page + (row - start)] = row;
            }
            rank += 1u;
        }
        if (page + 1u == p.pages) { // only the last page may have fewer rows
            counts[list] = most * p.page - select(0u, start + p.page - end, take);
        }
    }
}
