// What attention_decode and attention_chunk share: params, the bindings that
// they read but for values, and the index list. The list is the first n_init rows of the cache,
// the selected ones, then the n_local + c last; entry i stands at position i.
//#import lib/state
struct Params {
    n: u32,        // rows in the cache, this step's included
    c: u32,        // queries, which are the last c rows
    n_init: u32,
    n_local: u32,
    use_mid: u32,  // 1: attend to the selection too
    heads: u32,
    kv_heads: u32,
    split: u32,    // entries of a part that follow each other
    splits: u32,   // parts of the list
    window: u32,   // entries that a query of a chunk sees at most, its own the last; 0: all before it
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;     // [c][heads][d]
@group(0) @binding(1) var<storage, read> k: array<Cached>;        // [rows][kv_heads][d]
@group(0) @binding(3) var<storage, read> sel: array<u32>;         // selected rows
@group(0) @binding(4) var<storage, read> state: array<u32>;       // of the layer's selection
@group(0) @binding(5) var<storage, read> table: array<vec4<f32>>; // [positions][d]: cosines, sines
@group(1) @binding(0) var<uniform> p: Params;

fn list_mid() -> u32 {
    if (p.use_mid == 0u) {
        return 0u;
    }
    return state[STATE_MID];
}

fn list_length() -> u32 {
    return p.n_init + list_mid() + p.n_local + p.c;
}

// The first entry that a query at an entry sees.
fn list_first(entry: u32) -> u32 {
    return select(0u, entry + 1u - p.window, p.window > 0u && entry >= p.window);
}

// The row of the cache at entry i of a list with mid selected rows.
fn list_row(i: u32, mid: u32) -> u32 {
    if (i < p.n_init) {
        return i;
    }
    if (i < p.n_init + mid) {
        return sel[i - p.n_init];
    }
    return p.n - p.c - p.n_local + (i - p.n_init - mid);
}
