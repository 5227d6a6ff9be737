// Merges the parts of attention: y = sum of exp(m - largest m) * o over the parts,
// divided by the same sum of their sums (paper, eq. 1).
//
// part: [splits][rows][d + 2], o then m then sum; y: [rows][d], a row being a head
// of a query. A workgroup takes p.width values of y, a power of two, and 256 /
// p.width strands of parts, each with a running maximum of its own: parts are read
// once, eight at a time, so that memory is asked for all of them before it has
// given one. Empty parts (sum = 0) count for nothing.
//#import lib/grid
//#import lib/lowest
struct Params {
    rows: u32,
    d: u32,
    splits: u32,
    width: u32,
}

@group(0) @binding(0) var<storage, read> part: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> largest: array<f32, 256>;
var<workgroup> sums: array<f32, 256>;
var<workgroup> results: array<f32, 256>;

// Of four parts: one value of each.
fn four(at: vec4<u32>, offset: u32) -> vec4<f32> {
    return vec4<f32>(part[at.x + offset], part[at.y + offset], part[at.z + offset], part[at.w + offset]);
}

fn largest_of(m: vec4<f32>) -> f32 {
    return max(max(m.x, m.y), max(m.z, m.w));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    if (number * p.width >= p.rows * p.d) {
        return;
    }
    let to = number * p.width + i % p.width;
    let own = min(to, p.rows * p.d - 1u); // behind the last value, the last again
    let strands = 256u / p.width;
    let stride = p.rows * (p.d + 2u);
    let start = vec4<u32>(own / p.d * (p.d + 2u));
    let steps = vec4<u32>(0u, 1u, 2u, 3u) * strands;
    let last = vec4<u32>(p.splits - 1u);
    let dim = own % p.d;

    var m = LOWEST;
    var sum = 0.0;
    var o = 0.0;
    for (var s = i / p.width; s < p.splits; s += 8u * strands) {
        // Behind the last it is the last again, which must not count twice.
        let a = s + steps;
        let b = a + 4u * strands;
        let a_at = start + min(a, last) * stride;
        let b_at = start + min(b, last) * stride;
        let a_most = four(a_at, p.d);
        let a_sum = four(a_at, p.d + 1u);
        let a_o = four(a_at, dim);
        var b_most = vec4<f32>(LOWEST);
        var b_sum = vec4<f32>(0.0);
        var b_o = vec4<f32>(0.0);
        if (b.x <= last.x) {
            b_most = four(b_at, p.d);
            b_sum = four(b_at, p.d + 1u);
            b_o = four(b_at, dim);
        }
        let most = max(m, max(largest_of(a_most), largest_of(b_most)));
        let less = exp(m - most);
        let a_weight = select(vec4<f32>(0.0), exp(a_most - most), (a <= last) & (a_sum != vec4<f32>(0.0)));
        let b_weight = select(vec4<f32>(0.0), exp(b_most - most), (b <= last) & (b_sum != vec4<f32>(0.0)));
        m = most;
        sum = sum * less + dot(a_weight, a_sum) + dot(b_weight, b_sum);
        o = o * less + dot(a_weight, a_o) + dot(b_weight, b_o);
    }
    largest[i] = m;
    sums[i] = sum;
    results[i] = o;
    workgroupBarrier();
    if (i < p.width && to < p.rows * p.d) {
        for (var j = i + p.width; j < 256u; j += p.width) {
            m = max(m, largest[j]);
        }
        sum = 0.0;
        o = 0.0;
        for (var j = i; j < 256u; j += p.width) {
            let weight = exp(largest[j] - m);
            sum += weight * sums[j];
            o += weight * results[j];
        }
        y[to] = o / sum;
    }
}
