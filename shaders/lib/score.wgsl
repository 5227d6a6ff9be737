// What score_stats shares however keys are stored: params, the bindings but for keys,
// and the probe.
//#import lib/grid
//#import lib/state
const INVOCATIONS: u32 = 128u;

struct Params {
    lo: u32, // first candidate row
    n: u32,  // candidates
    kv_heads: u32,
    scale: f32,
    rounds: u32,
    blocks: u32,
    turn: u32,
    pos: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> table: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> score: array<f32>;
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

// Vector j of a head's probe.
fn probe_at(head: u32, j: u32) -> vec4<f32> {
    let own = q[head * (HEAD_DIM / 4u) + j];
    if (p.turn == 0u) {
        return own;
    }
    let angles = p.pos * (HEAD_DIM / 4u) + j % HALF;
    let cosines = table[angles];
    let sines = table[angles + HALF];
    if (j < HALF) {
        return own * cosines - q[head * (HEAD_DIM / 4u) + j + HALF] * sines;
    }
    return own * cosines + q[head * (HEAD_DIM / 4u) + j - HALF] * sines;
}
