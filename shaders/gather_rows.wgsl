// Copies the rows of an index list, keys and values, one behind the other: what
// attention that cannot read a paged cache does before it starts (the paper's
// figure 5 compares both ways). The list is the first n_init rows of the cache,
// the selected ones, then the n_local + c last. What a value is does not matter:
// rows are vectors of four words.
//
// k, v: [rows of the cache][vectors]; sel: selected rows; state: of the layer's
// selection; keys, values: [entries of the list][vectors].
// A workgroup takes 256 vectors of keys and the same of values.
//#import lib/grid
//#import lib/state
struct Params {
    n: u32,       // rows in the cache, this step's included
    c: u32,       // of this step
    n_init: u32,
    n_local: u32,
    use_mid: u32, // 1: the selection too
    vectors: u32, // of a row
}

@group(0) @binding(0) var<storage, read> k: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> v: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> sel: array<u32>;
@group(0) @binding(3) var<storage, read> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> keys: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> values: array<vec4<u32>>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let at = group_index(id, groups) * 256u + i;
    let entry = at / p.vectors;
    var mid = 0u;
    if (p.use_mid != 0u) {
        mid = state[STATE_MID];
    }
    if (entry >= p.n_init + mid + p.n_local + p.c) {
        return;
    }
    var row = entry;
    if (entry >= p.n_init + mid) {
        row = p.n - p.c - p.n_local + (entry - p.n_init - mid);
    } else if (entry >= p.n_init) {
        row = sel[entry - p.n_init];
    }
    let from_at = row * p.vectors + at % p.vectors;
    keys[at] = k[from_at];
    values[at] = v[from_at];
}
