// What the softmax of the window's queries over all rows up to their own needs: the
// largest score m and the sum of exp(score - m).
//
// ring, k, table: lib/window_scores; stats: [window][heads][2], m then sum.
// A workgroup takes one query of one head.
//#import lib/grid
//#import lib/lowest
//#import lib/window_scores
@group(0) @binding(3) var<storage, read_write> stats: array<f32>;

var<workgroup> largest: array<f32, 128>;
var<workgroup> sums: array<f32, 128>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (number >= p.window * p.heads) {
        return;
    }
    let query = p.end - p.window + number / p.heads;
    let head = number % p.heads;
    var most = LOWEST;
    var sum = 0.0;
    for (var row = i; row <= query; row += 128u) {
        let s = window_score(query, head, row);
        let top = max(most, s);
        sum = sum * exp(most - top) + exp(s - top);
        most = top;
    }
    largest[i] = most;
    sums[i] = sum;
    workgroupBarrier();
    if (i > 0u) {
        return;
    }
    for (var x = 1u; x < 128u; x++) {
        most = max(most, largest[x]);
    }
    sum = 0.0;
    for (var x = 0u; x < 128u; x++) {
        if (sums[x] > 0.0) { // else it had no rows
            sum += sums[x] * exp(largest[x] - most);
        }
    }
    stats[2u * number] = most;
    stats[2u * number + 1u] = sum;
}
