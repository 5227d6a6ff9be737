// What the kernels of attention_decode have in common: how an invocation comes to
// its dimensions of queries, keys and values. See lib/attention_decode.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const LANES
//#const GROUP
//#const SHARE
//#const TEAM
//#const ROWS
//#const KEYS
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(2) var<storage, read> v: array<Cached8>; // [rows][kv_heads][d]
@group(0) @binding(6) var<storage, read_write> part: array<f32>;

var<workgroup> partial: array<vec4<f32>, 256>; // what invocations add up, of four heads each

// Four pairs of dimensions of one query at a position; 0 where there is no such
// head or no such lane.
fn turned(kv: u32, head: u32, g: u32, lane: u32, position: u32) -> Pairs {
    if (g >= SHARE || head >= GROUP || lane >= HALF) {
        return Pairs(vec4<f32>(), vec4<f32>());
    }
    let at = (kv * GROUP + head) * VECS + lane;
    let angles = position * VECS + lane;
    return rotate(q[at], q[at + HALF], table[angles], table[angles + HALF]);
}

// The query's dimensions of an invocation, of four heads each, turned to a position.
fn query(kv: u32, team: u32, lane: u32, position: u32) -> array<vec4<f32>, 8> {
    let a = turned(kv, team * SHARE, 0u, lane, position);
    let b = turned(kv, team * SHARE + 1u, 1u, lane, position);
    let c = turned(kv, team * SHARE + 2u, 2u, lane, position);
    let d = turned(kv, team * SHARE + 3u, 3u, lane, position);
    return array<vec4<f32>, 8>(
        vec4<f32>(a.low.x, b.low.x, c.low.x, d.low.x),
        vec4<f32>(a.low.y, b.low.y, c.low.y, d.low.y),
        vec4<f32>(a.low.z, b.low.z, c.low.z, d.low.z),
        vec4<f32>(a.low.w, b.low.w, c.low.w, d.low.w),
        vec4<f32>(a.high.x, b.high.x, c.high.x, d.high.x),
        vec4<f32>(a.high.y, b.high.y, c.high.y, d.high.y),
        vec4<f32>(a.high.z, b.high.z, c.high.z, d.high.z),
        vec4<f32>(a.high.w, b.high.w, c.high.w, d.high.w));
}

// What an invocation's dimensions add to the scores of four heads.
fn product(own: array<vec4<f32>, 8>, key: Pairs) -> vec4<f32> {
    return own[0] * key.low.x + own[1] * key.low.y + own[2] * key.low.z + own[3] * key.low.w
        + own[4] * key.high.x + own[5] * key.high.y + own[6] * key.high.z + own[7] * key.high.w;
}

fn add_value(o: ptr<function, array<vec4<f32>, 8>>, w: vec4<f32>, value: Cached8) {
    let low = low4(value);
    let high = high4(value);
    (*o)[0] += w * low.x;
    (*o)[1] += w * low.y;
    (*o)[2] += w * low.z;
    (*o)[3] += w * low.w;
    (*o)[4] += w * high.x;
    (*o)[5] += w * high.y;
    (*o)[6] += w * high.z;
    (*o)[7] += w * high.w;
}

// Where the cache has an entry of the key head; behind the list, its last entry.
// A selected row is asked for before it is known whether the entry is one, so
// that memory answers that and the list's length together.
fn head_at(entry: u32, mid: u32, length: u32, kv: u32) -> u32 {
    var row = p.n - p.c - p.n_local + min(entry, length - 1u) - p.n_init - mid;
    if (p.use_mid != 0u) {
        let chosen = sel[min(entry - p.n_init, arrayLength(&sel) - 1u)];
        row = select(row, chosen, entry < p.n_init + mid);
    }
    return select(row, entry, entry < p.n_init) * p.kv_heads + kv;
}

fn rotated(low: Cached, high: Cached, position: u32, lane: u32) -> Pairs {
    let at = position * VECS + lane;
    return rotate(cached4(low), cached4(high), table[at], table[at + HALF]);
}

// Adds up what the rows of a team have of the results, half the dimensions of each
// lane at a time, and writes it. All invocations of the workgroup call it.
fn write_results(i: u32, team: u32, row: u32, lane: u32, own_part: u32, kv: u32, results: array<vec4<f32>, 8>) {
    var o = results;
    let rows = team * 4u * TEAM + row * 4u * LANES + lane;
    for (var half = 0u; half < 2u; half++) {
        if (half == 0u) {
            partial[rows] = o[0];
            partial[rows + LANES] = o[1];
            partial[rows + 2u * LANES] = o[2];
            partial[rows + 3u * LANES] = o[3];
        } else {
            partial[rows] = o[4];
            partial[rows + LANES] = o[5];
            partial[rows + 2u * LANES] = o[6];
            partial[rows + 3u * LANES] = o[7];
        }
        workgroupBarrier();
        for (var j = i; j < GROUP * HEAD_DIM / 2u; j += 64u) {
            let head = j / (HEAD_DIM / 2u);
            let dim = j % (HEAD_DIM / 2u);
            let from_part = (head / SHARE) * 4u * TEAM + (dim % 4u) * LANES + dim / 4u;
            var total = 0.0;
            for (var r = 0u; r < ROWS; r++) {
                total += partial[from_part + r * 4u * LANES][head % SHARE];
            }
            part[(own_part * p.heads + kv * GROUP + head) * (HEAD_DIM + 2u) + (dim / 4u) * 8u + half * 4u + dim % 4u] = total;
        }
        workgroupBarrier();
    }
}
