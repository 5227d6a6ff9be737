// Probes of a chunk: the means of the queries of its parts, for each head (paper,
// section 3.2, has one part).
//
// x: [rows][heads][d]; y: batches of per probes, the last of those that are left,
// each [kv_heads][probes][group][d], so that to what scores it a batch is one probe
// of more heads; stride values from batch to batch. Probe j is of the rows from j * rows / probes on. With across the
// heads of key head kv are kv, kv + kv_heads, ...: the map of the paper's Algorithm
// 2; else those that follow each other, as attention has it.
// A workgroup takes 64 values; 4 invocations share one.
//#import lib/grid
struct Params {
    rows: u32,
    heads: u32,
    kv_heads: u32,
    d: u32,
    probes: u32,
    per: u32, // of a batch
    stride: u32,
    across: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

var<workgroup> part: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let value = group_index(id, groups) * 64u + i % 64u;
    let group = p.heads / p.kv_heads;
    let of_batch = p.per * p.heads * p.d;
    let first = value / of_batch * p.per; // probe of the batch
    let count = min(p.per, max(p.probes, first + 1u) - first);
    let slot = value / p.d - first * p.heads; // in the batch
    let kv = slot / (count * group);
    let probe = first + slot / group % count;
    var head = kv * group + slot % group;
    if (p.across != 0u) {
        head = kv + slot % group * p.kv_heads;
    }
    let from_row = probe * p.rows / p.probes;
    let end = (probe + 1u) * p.rows / p.probes;
    let inside = value < p.probes * p.heads * p.d;
    var sum = 0.0;
    if (inside) {
        for (var row = from_row + i / 64u; row < end; row += 4u) {
            sum += x[(row * p.heads + head) * p.d + value % p.d];
        }
    }
    part[i] = sum;
    workgroupBarrier();
    if (i < 64u && inside) {
        y[value / of_batch * p.stride + value % of_batch] = ((part[i] + part[i + 64u]) + (part[i + 128u] + part[i + 192u])) / f32(end - from_row);
    }
}
