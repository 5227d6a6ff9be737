// Attention of a chunk of c queries over the index list, causal among the last c
// entries (paper, eq. 1 and 2, RoPE at contiguous positions): with an online
// softmax, y = softmax(q . rotated K / sqrt(d)) . V.
//
// q, k, v, sel, state, table: lib/attention_list; y: [c][heads][d], or where the
// list is cut into parts [splits][c][heads][d + 2] as attention_merge has them.
// A workgroup takes ROWS = 8 * UNITS rows, a row being a query of one of the
// GROUP query heads of one key head (QUERIES queries of all of them), one part of
// the list, and 64 entries of it at a time. Of its 16 * UNITS invocations each
// has 8 rows, UNITS apart, and of these the scores of 4 entries side by side and
// the results of every 16th vector of four dimensions: a vector that it reads
// from workgroup memory serves 32 products or 64, as that memory answers one for
// every eight products that the processor can make in the same time.
//
// VECS and HALF: vectors of four in a head and in half of one; LINE: 16 * UNITS.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const GROUP
//#const QUERIES
//#const UNITS
//#const LINE
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(2) var<storage, read> v: array<Cached>; // [rows][kv_heads][d]
@group(0) @binding(6) var<storage, read_write> y: array<vec2<f32>>;

const KEYS: u32 = 64u;

// Lines 0 to 7: a slice of the queries, 2 * UNITS vectors of each; then of line 0
// and 1 the largest scores or the sums of 8 rows; then the weights, 16 vectors of
// four entries of each row. A line has one row of each invocation. Lines 8 to 15:
// a slice of the keys, UNITS vectors of the low half of each in 8 to 11 and of
// the high half in 12 to 15, a line having every fourth key; then a slice of the
// values likewise, by entry. Which line is written as a number wherever many are
// read: then a compiler that guards indices has but one to guard.
var<workgroup> pool: array<array<vec4<f32>, LINE>, 16>;

// s + w.x * a + w.y * b + w.z * c + w.w * d.
fn add(s: vec4<f32>, w: vec4<f32>, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(w.w), d, fma(vec4<f32>(w.z), c, fma(vec4<f32>(w.y), b, fma(vec4<f32>(w.x), a, s))));
}

fn most_of(s: vec4<f32>) -> f32 {
    return max(max(s.x, s.y), max(s.z, s.w));
}

fn sum_of(s: vec4<f32>) -> f32 {
    return (s.x + s.y) + (s.z + s.w);
}

// The number of row r of the workgroup among all, or the last row's.
fn number_of(r: u32, block: u32, kv: u32) -> u32 {
    return min(block * QUERIES + r / GROUP, p.c - 1u) * p.heads + kv * GROUP + r % GROUP;
}

// The scores of row r, or the lowest for entries that it does not see.
fn seen(s: vec4<f32>, r: u32, block: u32, entry: u32, before: u32) -> vec4<f32> {
    let limit = before + min(block * QUERIES + r / GROUP + 1u, p.c);
    return select(vec4<f32>(LOWEST), s, vec4<u32>(entry, entry + 1u, entry + 2u, entry + 3u) < vec4<u32>(limit));
}

@compute @workgroup_size(LINE)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let blocks = (p.c + QUERIES - 1u) / QUERIES;
    let block = (number / p.kv_heads) % blocks;
    let part = number / p.kv_heads / blocks;
    if (part >= p.splits) {
        return;
    }
    let mid = list_mid();
    let length = list_length();
    let before = length - p.c; // entries that all rows see
    let first = part * p.split;
    let end = min(first + p.split, before + min((block + 1u) * QUERIES, p.c));
    let scale = 1.0 / sqrt(f32(HEAD_DIM));
    let scale2 = scale * 1.4426950408889634; // for powers of two

    // Neighbours differ in the row first and then in the column, so that of 16
    // invocations no two ask for different vectors of one bank; an exclusive or
    // spreads the vectors of a line over the banks.
    let unit = i % 2u + 2u * (i / 32u);
    let column = (i / 2u) % 16u;
    let twist = 4u * (unit % 2u);
    let at_row = unit * 16u;

    var o0 = vec4<f32>(0.0);
    var o1 = vec4<f32>(0.0);
    var o2 = vec4<f32>(0.0);
    var o3 = vec4<f32>(0.0);
    var o4 = vec4<f32>(0.0);
    var o5 = vec4<f32>(0.0);
    var o6 = vec4<f32>(0.0);
    var o7 = vec4<f32>(0.0);
    var o8 = vec4<f32>(0.0);
    var o9 = vec4<f32>(0.0);
    var o10 = vec4<f32>(0.0);
    var o11 = vec4<f32>(0.0);
    var o12 = vec4<f32>(0.0);
    var o13 = vec4<f32>(0.0);
    var o14 = vec4<f32>(0.0);
    var o15 = vec4<f32>(0.0);
    var m_low = vec4<f32>(LOWEST); // the largest scores of rows 0 to 3
    var m_high = vec4<f32>(LOWEST);
    var sum_low = vec4<f32>(0.0);
    var sum_high = vec4<f32>(0.0);

    for (var tile = first; tile < end; tile += KEYS) {
        var s0 = vec4<f32>(0.0);
        var s1 = vec4<f32>(0.0);
        var s2 = vec4<f32>(0.0);
        var s3 = vec4<f32>(0.0);
        var s4 = vec4<f32>(0.0);
        var s5 = vec4<f32>(0.0);
        var s6 = vec4<f32>(0.0);
        var s7 = vec4<f32>(0.0);
        for (var slice = 0u; slice < HALF; slice += UNITS) {
            load_queries(i, slice, block, kv);
            load_keys(i, slice, tile, length, kv, mid);
            workgroupBarrier();
            for (var j = 0u; j < UNITS; j++) {
                let at_key = column * UNITS + (j ^ key_twist(column));
                for (var half = 0u; half < 2u; half++) {
                    let at = at_row + ((j + half * UNITS) ^ twist);
                    var k0 = pool[8][at_key];
                    var k1 = pool[9][at_key];
                    var k2 = pool[10][at_key];
                    var k3 = pool[11][at_key];
                    if (half == 1u) {
                        k0 = pool[12][at_key];
                        k1 = pool[13][at_key];
                        k2 = pool[14][at_key];
                        k3 = pool[15][at_key];
                    }
                    let a = vec4<f32>(k0.x, k1.x, k2.x, k3.x);
                    let b = vec4<f32>(k0.y, k1.y, k2.y, k3.y);
                    let c = vec4<f32>(k0.z, k1.z, k2.z, k3.z);
                    let d = vec4<f32>(k0.w, k1.w, k2.w, k3.w);
                    s0 = add(s0, pool[0][at], a, b, c, d);
                    s1 = add(s1, pool[1][at], a, b, c, d);
                    s2 = add(s2, pool[2][at], a, b, c, d);
                    s3 = add(s3, pool[3][at], a, b, c, d);
                    s4 = add(s4, pool[4][at], a, b, c, d);
                    s5 = add(s5, pool[5][at], a, b, c, d);
                    s6 = add(s6, pool[6][at], a, b, c, d);
                    s7 = add(s7, pool[7][at], a, b, c, d);
                }
            }
            workgroupBarrier();
        }

        if (tile + KEYS > before + block * QUERIES) {
            let entry = tile + 4u * column;
            s0 = seen(s0, unit, block, entry, before);
            s1 = seen(s1, unit + UNITS, block, entry, before);
            s2 = seen(s2, unit + 2u * UNITS, block, entry, before);
            s3 = seen(s3, unit + 3u * UNITS, block, entry, before);
            s4 = seen(s4, unit + 4u * UNITS, block, entry, before);
            s5 = seen(s5, unit + 5u * UNITS, block, entry, before);
            s6 = seen(s6, unit + 6u * UNITS, block, entry, before);
            s7 = seen(s7, unit + 7u * UNITS, block, entry, before);
        }
        pool[0][at_row + (column ^ twist)] = vec4<f32>(most_of(s0), most_of(s1), most_of(s2), most_of(s3));
        pool[1][at_row + (column ^ twist)] = vec4<f32>(most_of(s4), most_of(s5), most_of(s6), most_of(s7));
        load_values(i, 0u, tile, length, kv, mid);
        workgroupBarrier();
        let old_low = m_low;
        let old_high = m_high;
        for (var j = 0u; j < 16u; j++) {
            m_low = max(m_low, pool[0][at_row + (j ^ twist)]);
            m_high = max(m_high, pool[1][at_row + (j ^ twist)]);
        }
        workgroupBarrier();
        // Half of the lowest: where a row sees nothing yet, weights are 0, not 1.
        let top_low = max(m_low, vec4<f32>(0.5 * LOWEST));
        let top_high = max(m_high, vec4<f32>(0.5 * LOWEST));
        s0 = exp2((s0 - top_low.x) * scale2);
        s1 = exp2((s1 - top_low.y) * scale2);
        s2 = exp2((s2 - top_low.z) * scale2);
        s3 = exp2((s3 - top_low.w) * scale2);
        s4 = exp2((s4 - top_high.x) * scale2);
        s5 = exp2((s5 - top_high.y) * scale2);
        s6 = exp2((s6 - top_high.z) * scale2);
        s7 = exp2((s7 - top_high.w) * scale2);
        let at_weight = at_row + (column ^ twist);
        pool[0][at_weight] = s0;
        pool[1][at_weight] = s1;
        pool[2][at_weight] = s2;
        pool[3][at_weight] = s3;
        pool[4][at_weight] = s4;
        pool[5][at_weight] = s5;
        pool[6][at_weight] = s6;
        pool[7][at_weight] = s7;
        let less_low = exp2((old_low - m_low) * scale2);
        let less_high = exp2((old_high - m_high) * scale2);
        sum_low = sum_low * less_low + vec4<f32>(sum_of(s0), sum_of(s1), sum_of(s2), sum_of(s3));
        sum_high = sum_high * less_high + vec4<f32>(sum_of(s4), sum_of(s5), sum_of(s6), sum_of(s7));
        o0 *= less_low.x;
        o1 *= less_low.y;
        o2 *= less_low.z;
        o3 *= less_low.w;
        o4 *= less_high.x;
        o5 *= less_high.y;
        o6 *= less_high.z;
        o7 *= less_high.w;
        o8 *= less_low.x;
        o9 *= less_low.y;
        o10 *= less_low.z;
        o11 *= less_low.w;
        o12 *= less_high.x;
        o13 *= less_high.y;
        o14 *= less_high.z;
        o15 *= less_high.w;
        workgroupBarrier();

        // Vectors of four entries' weights, as many as there are values at a time.
        let vectors = select(2u * UNITS, UNITS, VECS > 16u);
        for (var from_vector = 0u; from_vector < 16u; from_vector += vectors) {
            if (from_vector > 0u) {
                load_values(i, from_vector, tile, length, kv, mid);
                workgroupBarrier();
            }
            for (var j = 0u; j < UNITS; j++) {
                let at = at_row + ((from_vector + j) ^ twist);
                let at_value = j * 16u + column;
                let a = pool[8][at_value];
                let b = pool[9][at_value];
                let c = pool[10][at_value];
                let d = pool[11][at_value];
                let e = pool[12][at_value];
                let f = pool[13][at_value];
                let g = pool[14][at_value];
                let h = pool[15][at_value];
                let w0 = pool[0][at];
                let w1 = pool[1][at];
                let w2 = pool[2][at];
                let w3 = pool[3][at];
                let w4 = pool[4][at];
                let w5 = pool[5][at];
                let w6 = pool[6][at];
                let w7 = pool[7][at];
                o0 = add(o0, w0, a, b, c, d);
                o1 = add(o1, w1, a, b, c, d);
                o2 = add(o2, w2, a, b, c, d);
                o3 = add(o3, w3, a, b, c, d);
                o4 = add(o4, w4, a, b, c, d);
                o5 = add(o5, w5, a, b, c, d);
                o6 = add(o6, w6, a, b, c, d);
                o7 = add(o7, w7, a, b, c, d);
                if (VECS > 16u) {
                    o8 = add(o8, w0, e, f, g, h);
                    o9 = add(o9, w1, e, f, g, h);
                    o10 = add(o10, w2, e, f, g, h);
                    o11 = add(o11, w3, e, f, g, h);
                    o12 = add(o12, w4, e, f, g, h);
                    o13 = add(o13, w5, e, f, g, h);
                    o14 = add(o14, w6, e, f, g, h);
                    o15 = add(o15, w7, e, f, g, h);
                } else {
                    let next = at_row + ((from_vector + UNITS + j) ^ twist);
                    o0 = add(o0, pool[0][next], e, f, g, h);
                    o1 = add(o1, pool[1][next], e, f, g, h);
                    o2 = add(o2, pool[2][next], e, f, g, h);
                    o3 = add(o3, pool[3][next], e, f, g, h);
                    o4 = add(o4, pool[4][next], e, f, g, h);
                    o5 = add(o5, pool[5][next], e, f, g, h);
                    o6 = add(o6, pool[6][next], e, f, g, h);
                    o7 = add(o7, pool[7][next], e, f, g, h);
                }
            }
            workgroupBarrier();
        }
    }

    pool[0][at_row + column] = sum_low;
    pool[1][at_row + column] = sum_high;
    workgroupBarrier();
    sum_low = vec4<f32>(0.0);
    sum_high = vec4<f32>(0.0);
    for (var j = 0u; j < 16u; j++) {
        sum_low += pool[0][at_row + j];
        sum_high += pool[1][at_row + j];
    }
    let out = Place(column, unit, block, part, kv);
    write(out, 0u, o0, o8, m_low.x, sum_low.x);
    write(out, 1u, o1, o9, m_low.y, sum_low.y);
    write(out, 2u, o2, o10, m_low.z, sum_low.z);
    write(out, 3u, o3, o11, m_low.w, sum_low.w);
    write(out, 4u, o4, o12, m_high.x, sum_high.x);
    write(out, 5u, o5, o13, m_high.y, sum_high.y);
    write(out, 6u, o6, o14, m_high.z, sum_high.z);
    write(out, 7u, o7, o15, m_high.w, sum_high.w);
}

// Where an invocation's results belong.
struct Place {
    column: u32,
    unit: u32,
    block: u32,
    part: u32,
    kv: u32,
}

// Writes the results of the invocation's row number r: two vectors of four, the
// largest score before it is scaled, and the sum of the weights.
fn write(at: Place, r: u32, low: vec4<f32>, high: vec4<f32>, m: f32, sum: f32) {
    let local = at.unit + r * UNITS;
    if (local >= QUERIES * GROUP || at.block * QUERIES + local / GROUP >= p.c) {
        return;
    }
    let row = number_of(local, at.block, at.kv);
    var to = row * (HEAD_DIM / 2u);
    var over = sum;
    if (p.splits > 1u) {
        to = (at.part * p.c * p.heads + row) * (HEAD_DIM / 2u + 1u);
        over = 1.0;
        if (at.column == 0u) {
            y[to + HEAD_DIM / 2u] = vec2<f32>(select(m * (1.0 / sqrt(f32(HEAD_DIM))), LOWEST, m == LOWEST), sum);
        }
    }
    to += 2u * at.column;
    if (at.column < VECS) {
        y[to] = low.xy / over;
        y[to + 1u] = low.zw / over;
    }
    if (at.column + 16u < VECS) {
        y[to + 32u] = high.xy / over;
        y[to + 33u] = high.zw / over;
    }
}

// What spreads the vectors of a column's keys over the banks.
fn key_twist(column: u32) -> u32 {
    return (column * UNITS / 8u) % UNITS;
}

// Loads a slice of the queries: UNITS vectors from slice on of the low half of
// each and of the high half.
fn load_queries(i: u32, slice: u32, block: u32, kv: u32) {
    let line = i / (2u * UNITS);
    let vector = i % (2u * UNITS);
    let vec = slice + vector % UNITS;
    for (var unit = 0u; unit < UNITS; unit++) {
        var query = vec4<f32>(0.0);
        if (vec < HALF) {
            query = q[number_of(line * UNITS + unit, block, kv) * VECS + vec + (vector / UNITS) * HALF];
        }
        pool[line][unit * 16u + (vector ^ (4u * (unit % 2u)))] = query;
    }
}

// Loads and rotates a slice of 64 entries' keys. Behind the list's last entry
// that one is loaded again.
fn load_keys(i: u32, slice: u32, tile: u32, length: u32, kv: u32, mid: u32) {
    let vec = slice + i % UNITS;
    for (var j = 0u; j < 4u; j++) {
        let key = i / UNITS + 16u * j;
        let entry = min(tile + key, length - 1u);
        var pairs = Pairs(vec4<f32>(0.0), vec4<f32>(0.0));
        if (vec < HALF) {
            let from_k = (list_row(entry, mid) * p.kv_heads + kv) * VECS + vec;
            let from_table = entry * VECS + vec;
            pairs = rotate(cached4(k[from_k]), cached4(k[from_k + HALF]), table[from_table], table[from_table + HALF]);
        }
        let to = (key / 4u) * UNITS + ((i % UNITS) ^ key_twist(key / 4u));
        pool[8u + key % 4u][to] = pairs.low;
        pool[12u + key % 4u][to] = pairs.high;
    }
}

// Loads the values of the entries whose weights are from_vector and on, as many as
// eight lines hold.
fn load_values(i: u32, from_vector: u32, tile: u32, length: u32, kv: u32, mid: u32) {
    let column = i % 16u;
    if (VECS > 16u) {
        for (var j = 0u; j < 4u; j++) {
            let key = i / 16u + j * UNITS;
            let from_v = value_at(tile + 4u * from_vector + key, length, kv, mid) + column;
            let to = (key / 4u) * 16u + column;
            pool[8u + key % 4u][to] = cached4(v[from_v]);
            if (column + 16u < VECS) {
                pool[12u + key % 4u][to] = cached4(v[from_v + 16u]);
            }
        }
    } else if (column < VECS) {
        for (var j = 0u; j < 8u; j++) {
            let key = i / 16u + j * UNITS;
            let from_v = value_at(tile + 4u * from_vector + key, length, kv, mid) + column;
            pool[8u + key % 4u + 4u * (j / 4u)][(key / 4u % UNITS) * 16u + column] = cached4(v[from_v]);
        }
    }
}

// Where an entry's values start; behind the list's last those of the last.
fn value_at(entry: u32, length: u32, kv: u32, mid: u32) -> u32 {
    return (list_row(min(entry, length - 1u), mid) * p.kv_heads + kv) * VECS;
}
