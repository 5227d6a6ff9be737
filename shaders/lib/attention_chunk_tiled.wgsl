// Attention of a chunk of c queries over the index list, causal among the last c
// entries (paper, eq. 1 and 2, RoPE at contiguous positions): with an online
// softmax, y = softmax(q . rotated K / sqrt(d)) . V.
//
// q, k, v, sel, state, table: lib/attention_list; y: [c][heads][d], or where the
// list is cut into parts [splits][c][heads][d + 2] as attention_merge has them.
// For GPUs with 32 KiB of workgroup memory. A workgroup takes 64 rows, a row being a query of one of the query heads of one
// key head (64 / group queries of all of them), one part of the list, and 64
// entries of it at a time. Each of its 128 invocations has 8 of the rows, every
// eighth, and of each the scores of 4 entries side by side, then the results of
// every 16th vector of four dimensions: three vectors read from workgroup memory
// serve 32 products of scores, and two 32 of results. With fewer products to a
// vector that memory would be what the processor waits for.
//
// What a step stores in workgroup memory is asked for all at once, before the
// barrier in front of it: asked for one by one, each would wait for the one before
// to be stored. Values and the rows of the cache, which take few registers, are
// asked for a step earlier; keys and queries would take those that products need.
//
// VECS and HALF: vectors of four in a head and in half of one.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(2) var<storage, read> v: array<Cached>; // [rows][kv_heads][d]
@group(0) @binding(6) var<storage, read_write> y: array<vec2<f32>>;

const KEYS: u32 = 64u;

// Lines 0 to 7, each with 16 vectors of every eighth row: a slice of the queries,
// 8 vectors of the low half and 8 of the high half of each; then the weights, a
// vector having four entries; in between, in lines 0 and 1, the largest scores of 8
// rows by 16 invocations. Lines 8 to 15: a slice of the keys, 8 vectors of the low
// half of every fourth key in lines 8 to 11 and of the high half in 12 to 15; then
// values, 16 vectors of every fourth entry a line. Lines are written as numbers
// where many are read, as compilers that guard an index then guard one for all.
var<workgroup> pool: array<array<vec4<f32>, 128>, 16>;

// s + w.x * a + w.y * b + w.z * c + w.w * d.
fn add(s: vec4<f32>, w: vec4<f32>, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> vec4<f32> {
    var sum = s;
    sum += w.x * a;
    sum += w.y * b;
    sum += w.z * c;
    sum += w.w * d;
    return sum;
}

fn most_of(s: vec4<f32>) -> f32 {
    return max(max(s.x, s.y), max(s.z, s.w));
}

fn sum_of(s: vec4<f32>) -> f32 {
    return (s.x + s.y) + (s.z + s.w);
}

// The scores of row r, or the lowest for entries that it does not see.
fn seen(s: vec4<f32>, r: u32, rows: Rows, entry: u32, before: u32) -> vec4<f32> {
    let limit = before + min(rows.first + r / rows.group + 1u, p.c);
    let unseen = list_first(limit - 1u); // entries of a window before this row's
    return select(vec4<f32>(LOWEST), s, vec4<u32>(entry, entry + 1u, entry + 2u, entry + 3u) - unseen < vec4<u32>(limit - unseen));
}

// The rows of a workgroup: query heads of key head kv, group of them, of the
// queries from first on.
struct Rows {
    kv: u32,
    group: u32,
    first: u32,
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let group = p.heads / p.kv_heads;
    let queries = 64u / group;
    let blocks = (p.c + queries - 1u) / queries;
    let rows = Rows(kv, group, (number / p.kv_heads % blocks) * queries);
    let part = number / p.kv_heads / blocks;
    if (part >= p.splits) {
        return;
    }
    let mid = list_mid();
    let length = list_length();
    let before = length - p.c; // entries that all rows see
    let last = before + min(rows.first + queries, p.c);
    let end = min((part + 1u) * p.split, last);
    let first = max(part * p.split, list_first(before + rows.first) / KEYS * KEYS); // parts are of whole tiles
    let all_see = list_first(last - 1u); // entries from here on are in the windows of all rows
    let scale = 1.4426950408889634 / sqrt(f32(HEAD_DIM)); // exp(x) = exp2(1.44.. * x)

    // 32 invocations have 4 units of rows and 8 columns; an exclusive or spreads over
    // the banks of the memory what they read at a time.
    let unit = i % 2u + 2u * (i / 16u % 4u);
    let column = i / 2u % 8u + 8u * (i / 64u);
    let twist = 4u * (unit % 2u) + (unit & 2u);
    let at_row = unit * 16u;
    let loads = i / 16u * 8u; // the first of the rows whose queries it loads
    let from_low = vec4<u32>(query_at(loads, rows), query_at(loads + 1u, rows), query_at(loads + 2u, rows), query_at(loads + 3u, rows));
    let from_high = vec4<u32>(query_at(loads + 4u, rows), query_at(loads + 5u, rows), query_at(loads + 6u, rows), query_at(loads + 7u, rows));

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

    var from_rows = rows_of(i, first, length, kv, mid);
    for (var tile = first; tile < end; tile += KEYS) {
        var values: Values;
        var next_rows: vec4<u32>;
        var s0 = vec4<f32>(0.0);
        var s1 = vec4<f32>(0.0);
        var s2 = vec4<f32>(0.0);
        var s3 = vec4<f32>(0.0);
        var s4 = vec4<f32>(0.0);
        var s5 = vec4<f32>(0.0);
        var s6 = vec4<f32>(0.0);
        var s7 = vec4<f32>(0.0);
        for (var slice = 0u; slice < HALF; slice += 8u) {
            let queries_ahead = fetch_queries(i, slice, from_low, from_high);
            let keys_ahead = fetch_keys(i, slice, tile, length, from_rows);
            workgroupBarrier();
            store_keys(i, slice, keys_ahead);
            store_queries(i, queries_ahead);
            workgroupBarrier();
            if (slice + 8u >= HALF) {
                values = fetch_values(i, 0u, from_rows);
                next_rows = rows_of(i, tile + KEYS, length, kv, mid);
            }
            for (var j = 0u; j < 8u; j++) {
                let at_key = column * 8u + (j ^ (column % 8u));
                {
                    let at = at_row + (j ^ twist);
                    let k0 = pool[8][at_key];
                    let k1 = pool[9][at_key];
                    let k2 = pool[10][at_key];
                    let k3 = pool[11][at_key];
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
                {
                    let at = at_row + ((j + 8u) ^ twist);
                    let k0 = pool[12][at_key];
                    let k1 = pool[13][at_key];
                    let k2 = pool[14][at_key];
                    let k3 = pool[15][at_key];
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
        }
        workgroupBarrier();

        if (tile + KEYS > before + rows.first || tile < all_see) {
            let entry = tile + 4u * column;
            s0 = seen(s0, unit, rows, entry, before);
            s1 = seen(s1, unit + 8u, rows, entry, before);
            s2 = seen(s2, unit + 16u, rows, entry, before);
            s3 = seen(s3, unit + 24u, rows, entry, before);
            s4 = seen(s4, unit + 32u, rows, entry, before);
            s5 = seen(s5, unit + 40u, rows, entry, before);
            s6 = seen(s6, unit + 48u, rows, entry, before);
            s7 = seen(s7, unit + 56u, rows, entry, before);
        }
        pool[0][at_row + (column ^ twist)] = vec4<f32>(most_of(s0), most_of(s1), most_of(s2), most_of(s3));
        pool[1][at_row + (column ^ twist)] = vec4<f32>(most_of(s4), most_of(s5), most_of(s6), most_of(s7));
        store_values(i, values);
        workgroupBarrier();
        let old_low = m_low;
        let old_high = m_high;
        for (var j = 0u; j < 16u; j++) {
            m_low = max(m_low, pool[0][at_row + (j ^ twist)]);
            m_high = max(m_high, pool[1][at_row + (j ^ twist)]);
        }
        workgroupBarrier();
        // Not below half of the lowest: where a row sees nothing, weights are 0, not 1.
        let top_low = max(m_low, vec4<f32>(0.5 * LOWEST));
        let top_high = max(m_high, vec4<f32>(0.5 * LOWEST));
        s0 = exp2((s0 - top_low.x) * scale);
        s1 = exp2((s1 - top_low.y) * scale);
        s2 = exp2((s2 - top_low.z) * scale);
        s3 = exp2((s3 - top_low.w) * scale);
        s4 = exp2((s4 - top_high.x) * scale);
        s5 = exp2((s5 - top_high.y) * scale);
        s6 = exp2((s6 - top_high.z) * scale);
        s7 = exp2((s7 - top_high.w) * scale);
        let at_weight = at_row + (column ^ twist);
        pool[0][at_weight] = s0;
        pool[1][at_weight] = s1;
        pool[2][at_weight] = s2;
        pool[3][at_weight] = s3;
        pool[4][at_weight] = s4;
        pool[5][at_weight] = s5;
        pool[6][at_weight] = s6;
        pool[7][at_weight] = s7;
        let less_low = exp2((old_low - m_low) * scale);
        let less_high = exp2((old_high - m_high) * scale);
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
        let vectors = select(16u, 8u, VECS > 16u);
        for (var from_vector = 0u; from_vector < 16u; from_vector += vectors) {
            if (from_vector > 0u) {
                store_values(i, values);
                workgroupBarrier();
            }
            if (from_vector + vectors < 16u) {
                values = fetch_values(i, from_vector + vectors, from_rows);
            }
            for (var j = 0u; j < 8u; j++) {
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
                    let next = at_row + ((from_vector + 8u + j) ^ twist);
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
            if (from_vector + vectors < 16u) { // else the next tile's first barrier will do
                workgroupBarrier();
            }
        }
        from_rows = next_rows;
    }

    workgroupBarrier();
    pool[0][at_row + column] = sum_low;
    pool[1][at_row + column] = sum_high;
    workgroupBarrier();
    sum_low = vec4<f32>(0.0);
    sum_high = vec4<f32>(0.0);
    for (var j = 0u; j < 16u; j++) {
        sum_low += pool[0][at_row + j];
        sum_high += pool[1][at_row + j];
    }
    write(column, unit, rows, part, o0, o8, m_low.x, sum_low.x);
    write(column, unit + 8u, rows, part, o1, o9, m_low.y, sum_low.y);
    write(column, unit + 16u, rows, part, o2, o10, m_low.z, sum_low.z);
    write(column, unit + 24u, rows, part, o3, o11, m_low.w, sum_low.w);
    write(column, unit + 32u, rows, part, o4, o12, m_high.x, sum_high.x);
    write(column, unit + 40u, rows, part, o5, o13, m_high.y, sum_high.y);
    write(column, unit + 48u, rows, part, o6, o14, m_high.z, sum_high.z);
    write(column, unit + 56u, rows, part, o7, o15, m_high.w, sum_high.w);
}

// Writes what an invocation has of row r's results: two vectors of four, the
// largest score before it is scaled, and the sum of the weights.
fn write(column: u32, r: u32, rows: Rows, part: u32, low: vec4<f32>, high: vec4<f32>, m: f32, sum: f32) {
    let query = rows.first + r / rows.group;
    if (r >= 64u / rows.group * rows.group || query >= p.c) {
        return;
    }
    let row = query * p.heads + rows.kv * rows.group + r % rows.group;
    var to = row * (HEAD_DIM / 2u);
    var over = sum;
    if (p.splits > 1u) {
        to = (part * p.c * p.heads + row) * (HEAD_DIM / 2u + 1u);
        over = 1.0;
        if (column == 0u) {
            y[to + HEAD_DIM / 2u] = vec2<f32>(select(m * (1.0 / sqrt(f32(HEAD_DIM))), LOWEST, m == LOWEST), sum);
        }
    }
    to += 2u * column;
    if (column < VECS) {
        y[to] = low.xy / over;
        y[to + 1u] = low.zw / over;
    }
    if (column + 16u < VECS) {
        y[to + 32u] = high.xy / over;
        y[to + 33u] = high.zw / over;
    }
}

// Where the query of row r of the workgroup starts, or the last row's.
fn query_at(r: u32, rows: Rows) -> u32 {
    return (min(rows.first + r / rows.group, p.c - 1u) * p.heads + rows.kv * rows.group + r % rows.group) * VECS;
}

// A vector of each of 8 rows' queries.
struct Queries {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
    e: vec4<f32>,
    f: vec4<f32>,
    g: vec4<f32>,
    h: vec4<f32>,
}

// What an invocation loads of a slice: its vector of the low or the high half. Behind
// the last one that one again, as the keys have zeros there.
fn fetch_queries(i: u32, slice: u32, low: vec4<u32>, high: vec4<u32>) -> Queries {
    let at = min(slice + i % 8u, HALF - 1u) + (i % 16u / 8u) * HALF;
    return Queries(q[low.x + at], q[low.y + at], q[low.z + at], q[low.w + at], q[high.x + at], q[high.y + at], q[high.z + at], q[high.w + at]);
}

fn store_queries(i: u32, queries: Queries) {
    let line = i / 16u;
    let to = i % 16u;
    pool[line][to] = queries.a;
    pool[line][16u + (to ^ 4u)] = queries.b;
    pool[line][32u + (to ^ 2u)] = queries.c;
    pool[line][48u + (to ^ 6u)] = queries.d;
    pool[line][64u + to] = queries.e;
    pool[line][80u + (to ^ 4u)] = queries.f;
    pool[line][96u + (to ^ 2u)] = queries.g;
    pool[line][112u + (to ^ 6u)] = queries.h;
}

// Where the keys, and the values, of the four entries start that an invocation
// loads, 16 apart. Behind the list's last entry that one again.
fn rows_of(i: u32, tile: u32, length: u32, kv: u32, mid: u32) -> vec4<u32> {
    let entry = tile + i / 8u;
    let last = length - 1u;
    let rows = vec4<u32>(list_row(min(entry, last), mid), list_row(min(entry + 16u, last), mid),
        list_row(min(entry + 32u, last), mid), list_row(min(entry + 48u, last), mid));
    return (rows * p.kv_heads + kv) * VECS;
}

// What a key is made of: four pairs of dimensions and their angles.
struct Key {
    low: Cached,
    high: Cached,
    cosines: vec4<f32>,
    sines: vec4<f32>,
}

struct Keys {
    a: Key,
    b: Key,
    c: Key,
    d: Key,
}

fn fetch_key(from_k: u32, from_table: u32) -> Key {
    return Key(k[from_k], k[from_k + HALF], table[from_table], table[from_table + HALF]);
}

// What an invocation loads of a slice: one vector of each half of four keys.
fn fetch_keys(i: u32, slice: u32, tile: u32, length: u32, rows: vec4<u32>) -> Keys {
    let vec = min(slice + i % 8u, HALF - 1u);
    let entry = tile + i / 8u;
    let last = length - 1u;
    return Keys(fetch_key(rows.x + vec, min(entry, last) * VECS + vec), fetch_key(rows.y + vec, min(entry + 16u, last) * VECS + vec),
        fetch_key(rows.z + vec, min(entry + 32u, last) * VECS + vec), fetch_key(rows.w + vec, min(entry + 48u, last) * VECS + vec));
}

// Rotates a key and stores it, or zeros behind the last vector of its halves.
fn store_key(line: u32, to: u32, key: Key, there: bool) {
    var pairs = rotate(cached4(key.low), cached4(key.high), key.cosines, key.sines);
    if (!there) {
        pairs = Pairs(vec4<f32>(0.0), vec4<f32>(0.0));
    }
    pool[8u + line][to] = pairs.low;
    pool[12u + line][to] = pairs.high;
}

fn store_keys(i: u32, slice: u32, keys: Keys) {
    let there = slice + i % 8u < HALF;
    let line = i / 8u % 4u;
    let column = i / 32u; // and every fourth after it
    store_key(line, column * 8u + ((i % 8u) ^ column), keys.a, there);
    store_key(line, column * 8u + 32u + ((i % 8u) ^ (column + 4u)), keys.b, there);
    store_key(line, column * 8u + 64u + ((i % 8u) ^ column), keys.c, there);
    store_key(line, column * 8u + 96u + ((i % 8u) ^ (column + 4u)), keys.d, there);
}

struct Values {
    a: Cached,
    b: Cached,
    c: Cached,
    d: Cached,
    e: Cached,
    f: Cached,
    g: Cached,
    h: Cached,
}

// What an invocation loads of the values of the entries whose weights are from_vector
// and on, as many as eight lines hold. Behind a head's last vector that one again.
fn fetch_values(i: u32, from_vector: u32, rows: vec4<u32>) -> Values {
    let at = i % 8u;
    if (VECS > 16u) {
        let two = select(rows.xy, rows.zw, from_vector > 0u);
        let third = min(at + 16u, VECS - 1u);
        let fourth = min(at + 24u, VECS - 1u);
        return Values(v[two.x + at], v[two.x + at + 8u], v[two.y + at], v[two.y + at + 8u],
            v[two.x + third], v[two.x + fourth], v[two.y + third], v[two.y + fourth]);
    }
    let first = min(at, VECS - 1u);
    let second = min(at + 8u, VECS - 1u);
    return Values(v[rows.x + first], v[rows.x + second], v[rows.y + first], v[rows.y + second],
        v[rows.z + first], v[rows.z + second], v[rows.w + first], v[rows.w + second]);
}

fn store_values(i: u32, values: Values) {
    let line = i / 8u % 4u;
    let to = i / 32u * 16u + i % 8u;
    pool[8u + line][to] = cached4(values.a);
    pool[8u + line][to + 8u] = cached4(values.b);
    pool[8u + line][to + 64u] = cached4(values.c);
    pool[8u + line][to + 72u] = cached4(values.d);
    pool[12u + line][to] = cached4(values.e);
    pool[12u + line][to + 8u] = cached4(values.f);
    pool[12u + line][to + 64u] = cached4(values.g);
    pool[12u + line][to + 72u] = cached4(values.h);
}
