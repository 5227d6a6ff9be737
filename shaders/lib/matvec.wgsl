// The body of matvec_*. A workgroup multiplies 8 rows of the weight; 32
// invocations share a row.
//#import lib/grid
//#import lib/multiply
const ROWS: u32 = 8u;
const LANES: u32 = 32u;
const TILE: u32 = 256u; // of x, in fours

var<workgroup> xs: array<vec4<f32>, 256>;
var<workgroup> part: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let first = group_index(id, groups) * ROWS;
    if (first >= p.n) {
        return;
    }
    let row = first + i / LANES;
    let lane = i % LANES;
    var sum = 0.0;
    for (var k0 = 0u; k0 < p.k; k0 += 4u * TILE) {
        xs[i] = x4(0u, k0 + 4u * i);
        workgroupBarrier();
        if (k0 + 4u * TILE <= p.k) {
            // A known number of reads without a check, so that they overlap.
            let start = min(row, p.n - 1u) * p.k + k0;
            for (var j = lane; j < lane + TILE; j += LANES) {
                sum += dot(xs[j], weight4(start + 4u * j));
            }
        } else {
            for (var j = lane; 4u * j < p.k - k0; j += LANES) {
                sum += dot(xs[j], w4(row, k0 + 4u * j));
            }
        }
        workgroupBarrier();
    }
    part[i] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half = half / 2u) {
        if (lane < half) {
            part[i] += part[i + half];
        }
        workgroupBarrier();
    }
    if (lane == 0u && row < p.n) {
        y[p.y_offset + row] = part[i];
    }
}
