// The least and the largest value of each dimension of the keys of a page: what
// Quest knows of it (arXiv 2406.10774, section 3.2). Pages are page rows each from
// row lo on; the last ends at row hi.
//
// k: [rows][kv_heads][d], before RoPE; bounds: [pages][2][kv_heads][d], least and
// then largest.
// An invocation takes four dimensions of a page, a workgroup 64 of those.
//#import lib/grid
struct Params {
    first: u32, // page of the first that is computed
    pages: u32, // that are computed
    page: u32,  // rows of a page
    lo: u32,
    hi: u32,
    width: u32, // vectors of four in a row of k
}

@group(0) @binding(0) var<storage, read> k: array<Cached>;
@group(0) @binding(1) var<storage, read_write> bounds: array<vec4<f32>>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let at = group_index(id, groups) * 64u + i;
    let page = p.first + at / p.width;
    if (page >= p.first + p.pages) {
        return;
    }
    let vector = at % p.width;
    let start = p.lo + page * p.page;
    let end = min(start + p.page, p.hi);
    var least = cached4(k[start * p.width + vector]);
    var most = least;
    for (var row = start + 1u; row < end; row++) {
        let key = cached4(k[row * p.width + vector]);
        least = min(least, key);
        most = max(most, key);
    }
    bounds[2u * page * p.width + vector] = least;
    bounds[(2u * page + 1u) * p.width + vector] = most;
}
