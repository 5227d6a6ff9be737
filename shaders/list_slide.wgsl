// Counts the rows of lists; where the Selection Cache has been hit it appends those
// that have left the local window since the lists were made, as selection_cache does
// for one list of k rows.
//
// chosen: [lists], rows of each list when it was made, unless all have p.n_select;
// counts: [lists]; sel: [lists][sel_stride]. With one list the state is told as well
// how many rows it has. One workgroup a list.
//#import lib/grid
//#import lib/state
struct Params {
    lists: u32,
    sel_stride: u32,
    n_select: u32, // 0: chosen says
    hi: u32,       // first row of the local window
}

@group(0) @binding(0) var<storage, read> chosen: array<u32>;
@group(0) @binding(1) var<storage, read_write> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> sel: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let list = group_index(id, groups);
    if (list >= p.lists) {
        return;
    }
    var count = p.n_select;
    if (count == 0u) {
        count = chosen[list];
    }
    var slid = 0u;
    let seen = state[STATE_SEEN];
    if (state[STATE_HIT] != 0u) {
        slid = p.hi - seen;
    }
    for (var j = i; j < slid; j += 64u) {
        sel[list * p.sel_stride + count + j] = seen + j;
    }
    if (i == 0u) {
        counts[list] = count + slid;
        if (p.lists == 1u) {
            state[STATE_MID] = count + slid;
        }
    }
}
