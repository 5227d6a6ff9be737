// Attention of one query over a part of the index list (paper, eq. 1 and 2,
// RoPE at contiguous positions): o = sum of exp(s - m) * V over the part's
// entries, with s = rotated q . rotated K / sqrt(d) and m the largest s, and the
// sum of the weights.
//
// q: [heads][d], before RoPE; k, sel, state, table: lib/attention_list; v: as k;
// part: [splits][heads][d + 2], o then m then sum; sum is 0 where the part is empty.
// A workgroup takes one part for one key head and SHARE of its GROUP query heads: every
// splits-th block of p.split entries, so that all workgroups together go through the
// cache from front to back, KEYS entries, a tile, at a time. LANES invocations share an
// entry, of which each has 8 dimensions; it works for four heads at once, which stand
// side by side in its vectors. So what is read of keys and values never leaves the
// registers that it is read into: only partial scores go through workgroup memory, and
// weights come back. Keys and values are asked for a tile ahead, as memory takes longer
// to answer than the work does.
//
// Between two barriers there is work for two tiles: the keys of one while the scores of
// the one before become weights, then its scores are summed up while the values of the
// one before are added. So what waits for workgroup memory has something to do beside
// it. A workgroup is as small as a subgroup mostly is, for which barriers cost little.
//
// A dot product depends on the distance of two positions alone. So the query is
// turned to its distance from the first entry of a block, and a key by its place
// in the block: the angles of so few positions, which stay in the nearest memory,
// serve a long list, whose own would be as many bytes as its keys and values are.
//
// VECS and HALF: vectors of four in a head and in half of one; LANES: a power of
// two, not less than HALF; SHARES: workgroups for a key head's heads; SHARE: heads of
// one, at most four; ROWS: 32 / LANES, keys that are taken at once; KEYS: four times
// those; SLOTS: scores that an invocation sums up of a tile, 16 / LANES; PARTIALS:
// KEYS * (LANES + 1).
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const LANES
//#const GROUP
//#const SHARE
//#const SHARES
//#const ROWS
//#const KEYS
//#const SLOTS
//#const PARTIALS
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(2) var<storage, read> v: array<Cached8>; // [rows][kv_heads][d]
@group(0) @binding(6) var<storage, read_write> part: array<f32>;

var<workgroup> partial: array<vec4<f32>, PARTIALS>; // [KEYS][LANES + 1]: of scores of four heads; then results
var<workgroup> weight: array<vec4<f32>, KEYS>; // of four heads
var<workgroup> most_of: array<f32, 32>;        // of the scores of an invocation
var<workgroup> sum_of: array<f32, 32>;         // of its weights
var<workgroup> shrink: array<f32, 4>;          // of results, by the tile that weights are of

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

fn rotated(low: Cached, high: Cached, angles: u32) -> Pairs {
    return rotate(cached4(low), cached4(high), table[angles], table[angles + HALF]);
}

// Where the partial score of a key stands: keys are a vector further apart than they
// have lanes, so that those who read them side by side are kept apart.
fn partial_at(key: u32, lane: u32) -> u32 {
    return key * (LANES + 1u) + lane;
}

// Turns an invocation's scores of a tile, all of one head, into weights.
fn weigh(i: u32, score: ptr<function, array<f32, SLOTS>>, so_far: ptr<function, vec2<f32>>) {
    var most = (*so_far).x;
    for (var j = 0u; j < 8u; j++) {
        most = max(most, most_of[j * 4u + i % 4u]);
    }
    let less = exp((*so_far).x - most);
    var sum = (*so_far).y * less;
    if (i < 4u) {
        shrink[i] = less;
    }
    for (var s = 0u; s < SLOTS; s++) {
        var w = 0.0;
        if ((*score)[s] != LOWEST) { // NaN is a score
            w = exp((*score)[s] - most);
        }
        weight[s * 8u + i / 4u][i % 4u] = w;
        sum += w;
    }
    *so_far = vec2<f32>(most, sum);
}

// Adds the values of a tile.
fn add_values(o: ptr<function, array<vec4<f32>, 8>>, row: u32, value: ptr<function, array<Cached8, 4>>) {
    let before = vec4<f32>(shrink[0], shrink[1], shrink[2], shrink[3]);
    if (any(before != vec4<f32>(1.0))) {
        for (var e = 0u; e < 8u; e++) {
            (*o)[e] *= before;
        }
    }
    for (var r = 0u; r < 4u; r++) {
        add_value(o, weight[row + r * ROWS], (*value)[r]);
    }
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let share = number % (p.kv_heads * SHARES);
    let kv = share / SHARES;
    let first_head = share % SHARES * SHARE;
    let own_part = number / (p.kv_heads * SHARES);
    if (own_part >= p.splits) {
        return;
    }
    let mid = list_mid();
    let length = list_length();
    let first = own_part * p.split;

    let lane = i % LANES;
    let piece = min(lane, HALF - 1u); // behind the last, the last again
    let row = i / LANES;
    let scale = 1.0 / sqrt(f32(HEAD_DIM));

    var at: array<u32, 4>;
    var low: array<Cached, 4>;
    var high: array<Cached, 4>;
    var value: array<Cached8, 4>;
    for (var r = 0u; r < 4u; r++) {
        at[r] = head_at(first + row + r * ROWS, mid, length, kv);
        low[r] = k[at[r] * VECS + piece];
        high[r] = k[at[r] * VECS + HALF + piece];
    }
    for (var r = 0u; r < 4u; r++) { // with weights of 0, so that memory has begun with them when they are due
        value[r] = v[at[r] * HALF + piece];
    }

    var own: array<vec4<f32>, 8>; // the query's dimensions, of four heads each
    var o: array<vec4<f32>, 8>;   // the result's
    var score: array<f32, SLOTS>; // of the tile before
    for (var s = 0u; s < SLOTS; s++) {
        score[s] = LOWEST;
    }
    most_of[i] = LOWEST;
    workgroupBarrier();
    // Of the tiles before, the largest of the head's scores and the sum of this
    // invocation's weights.
    var so_far = vec2<f32>(LOWEST, 0.0);
    var base = first;     // of the block
    for (var tile = first; tile < length;) {
        weigh(i, &score, &so_far);
        if (tile == base) {
            let position = length - 1u - base;
            let a = turned(kv, first_head, 0u, lane, position);
            let b = turned(kv, first_head + 1u, 1u, lane, position);
            let c = turned(kv, first_head + 2u, 2u, lane, position);
            let d = turned(kv, first_head + 3u, 3u, lane, position);
            own[0] = vec4<f32>(a.low.x, b.low.x, c.low.x, d.low.x);
            own[1] = vec4<f32>(a.low.y, b.low.y, c.low.y, d.low.y);
            own[2] = vec4<f32>(a.low.z, b.low.z, c.low.z, d.low.z);
            own[3] = vec4<f32>(a.low.w, b.low.w, c.low.w, d.low.w);
            own[4] = vec4<f32>(a.high.x, b.high.x, c.high.x, d.high.x);
            own[5] = vec4<f32>(a.high.y, b.high.y, c.high.y, d.high.y);
            own[6] = vec4<f32>(a.high.z, b.high.z, c.high.z, d.high.z);
            own[7] = vec4<f32>(a.high.w, b.high.w, c.high.w, d.high.w);
        }
        let angles = (tile - base + row) * VECS + piece;
        for (var r = 0u; r < 4u; r++) {
            partial[partial_at(row + r * ROWS, lane)] = product(own, rotated(low[r], high[r], angles + r * ROWS * VECS));
        }
        var from_rows: array<u32, 4>;
        for (var r = 0u; r < 4u; r++) {
            from_rows[r] = at[r];
        }
        var next = tile + KEYS;
        if (next == base + p.split) {
            base += p.splits * p.split;
            next = base;
        }
        if (next < length) {
            if (p.use_mid == 0u && next >= p.n_init && next + KEYS <= length) { // rows that follow each other
                let row_at = (p.n - length + next + row) * p.kv_heads + kv;
                for (var r = 0u; r < 4u; r++) {
                    at[r] = row_at + r * ROWS * p.kv_heads;
                }
            } else {
                for (var r = 0u; r < 4u; r++) {
                    at[r] = head_at(next + row + r * ROWS, mid, length, kv);
                }
            }
            for (var r = 0u; r < 4u; r++) {
                low[r] = k[at[r] * VECS + piece];
                high[r] = k[at[r] * VECS + HALF + piece];
            }
        }
        workgroupBarrier();

        add_values(&o, row, &value);
        for (var r = 0u; r < 4u; r++) {
            value[r] = v[from_rows[r] * HALF + piece];
        }
        // A slot is one score: of a head and an entry of the tile.
        var most = LOWEST;
        for (var s = 0u; s < SLOTS; s++) {
            let own_slot = i / 4u + s * 8u;
            var total = 0.0;
            for (var l = 0u; l < LANES; l++) {
                total += partial[partial_at(own_slot, l)][i % 4u];
            }
            score[s] = select(LOWEST, total * scale, tile + own_slot < length);
            most = max(most, score[s]);
        }
        most_of[i] = most;
        workgroupBarrier();
        tile = next;
    }
    weigh(i, &score, &so_far);
    workgroupBarrier();
    add_values(&o, row, &value);

    // The results, half the dimensions of each lane at a time, and the sums.
    sum_of[i] = so_far.y;
    let rows = row * 4u * LANES + lane;
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
        for (var j = i; j < SHARE * HEAD_DIM / 2u; j += 32u) {
            let head = first_head + j / (HEAD_DIM / 2u);
            let dim = j % (HEAD_DIM / 2u);
            if (head < GROUP) {
                let from_part = (dim % 4u) * LANES + dim / 4u;
                var total = 0.0;
                for (var r = 0u; r < ROWS; r++) {
                    total += partial[from_part + r * 4u * LANES][head - first_head];
                }
                part[(own_part * p.heads + kv * GROUP + head) * (HEAD_DIM + 2u) + (dim / 4u) * 8u + half * 4u + dim % 4u] = total;
            }
        }
        workgroupBarrier();
    }
    let head = first_head + i;
    if (i < SHARE && head < GROUP) {
        var total = 0.0;
        for (var j = i; j < 32u; j += 4u) {
            total += sum_of[j];
        }
        let to = (own_part * p.heads + kv * GROUP + head) * (HEAD_DIM + 2u) + HEAD_DIM;
        part[to] = so_far.x;
        part[to + 1u] = total;
    }
}
