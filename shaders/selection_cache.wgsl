// Decides whether a decode step reuses the cached selection (paper, Algorithm 1):
// a hit is cos(q, cache_q) >= theta with at most slide rows gone from the local
// window since the anchor. Departs from the paper in that those rows join the
// cached ones.
//
// q, cache_q: [width]; state: lib/state; sel: [n_select + slide].
// One workgroup. The cosine with a zero vector is 0; a NaN is a miss.
//#import lib/grid
//#import lib/state
//#import lib/sum_max
struct Params {
    c: u32,        // queries of this step
    width: u32,    // values of a query
    n_select: u32, // k
    hi: u32,       // first row of the local window
    slide: u32,    // rows that may leave the window before a miss is forced
    theta: f32,
}

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read_write> cache_q: array<f32>;
@group(0) @binding(2) var<storage, read_write> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> sel: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

const EPS: f32 = 1e-8; // of both norms, as in PyTorch's cosine_similarity

var<workgroup> hit: bool;
var<workgroup> seen: u32;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    if (group_index(id, groups) > 0u) {
        return;
    }
    if (p.c > 1u) {
        if (i == 0u) {
            state[STATE_VALID] = 0u;
            state[STATE_HIT] = 0u;
            state[STATE_MID] = p.n_select;
            state[STATE_COSINE] = 0u;
        }
        return;
    }

    var qc = 0.0;
    var qq = 0.0;
    var cc = 0.0;
    for (var j = i; j < p.width; j += 256u) {
        let a = q[j];
        let b = cache_q[j];
        qc += a * b;
        qq += a * a;
        cc += b * b;
    }
    qc = workgroup_sum(i, qc);
    qq = workgroup_sum(i, qq);
    cc = workgroup_sum(i, cc);

    if (i == 0u) {
        seen = state[STATE_SEEN];
        var cosine = 0.0;
        hit = false;
        if (state[STATE_VALID] != 0u) {
            cosine = qc / (max(sqrt(qq), EPS) * max(sqrt(cc), EPS));
            hit = cosine >= p.theta && p.hi - seen <= p.slide;
        }
        state[STATE_COSINE] = bitcast<u32>(cosine);
        if (hit) {
            state[STATE_HIT] = 1u;
            state[STATE_MID] = p.n_select + (p.hi - seen);
            state[STATE_HITS] += 1u;
        } else {
            state[STATE_VALID] = 1u;
            state[STATE_SEEN] = p.hi;
            state[STATE_HIT] = 0u;
            state[STATE_MID] = p.n_select;
            state[STATE_MISSES] += 1u;
        }
    }
    workgroupBarrier();

    if (hit) {
        for (var j = i; j < p.hi - seen; j += 256u) {
            sel[p.n_select + j] = seen + j;
        }
    } else {
        for (var j = i; j < p.width; j += 256u) {
            cache_q[j] = q[j];
        }
    }
}
