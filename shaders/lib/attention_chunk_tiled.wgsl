// Attention of a chunk of c queries over the index list, causal among the last c
// entries (paper, eq. 1 and 2, RoPE at contiguous positions): with an online
// softmax, y = softmax(q . rotated K / sqrt(d)) . V.
//
// q, k, v, sel, state, table: lib/attention_list; y: [c][heads][d], or where the
// list is cut into parts [splits][c][heads][d + 2] as attention_merge has them.
//
// A workgroup takes 64 rows, a row being a query of one of the query heads of one
// key head (64 / group queries of all of them), one part of the list, and 64
// entries of it at a time. Each of its 128 invocations has 8 of the rows, every
// eighth, and of each the scores of 4 entries side by side, then the results of
// every 16th vector of four dimensions: three vectors read from workgroup memory
// serve 32 products of scores, and two 32 of results. With fewer products to a
// vector that memory would be what the processor waits for.
//
// What a step stores in workgroup memory is asked for all at once, before the
// barrier in front of it: asked for one by one, each would wait for the one before
// to be stored.
//
// What lies there is Stored, as lib/stored_f32 or lib/stored_f16 has it, one of which is
// imported before this; scores, sums of weights and results are float32.
//
// VECS and HALF: vectors of four in a head and in half of one. TURNS: how many of the 8
// turns of a loop of products are written out one after the other; with lib/stored_f16
// the products of so many are added up in float16.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const TURNS
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(2) var<storage, read> v: array<Cached>; // [rows][kv_heads][d]
@group(0) @binding(6) var<storage, read_write> y: array<vec2<f32>>;

const KEYS: u32 = 64u;

// Lines 0 to 7, each with 16 vectors of every eighth row: a slice of the queries,
// 8 vectors of the low half and 8 of the high half of each; then the weights, a
// vector having four entries; before them, and at the end, in lines 0 and 1 (0 to 3 as
// float16) the largest scores and the sums of weights of 8 rows by 16 invocations.
// Lines 8 to 15: a slice of the keys, 8 vectors of the low half of every fourth key in
// lines 8 to 11 and of the high half in 12 to 15; then values, 16 vectors of every
// fourth entry a line. Lines are written as numbers where many are read, as compilers
// that guard an index then guard one for all.
var<workgroup> pool: array<array<Stored, 128>, 16>;

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
    var m_low = vec4<f32>(LOWEST); // the largest scores of rows 0 to 3, as exponents of 2
    var m_high = vec4<f32>(LOWEST);
    var sum_low = vec4<f32>(0.0);
    var sum_high = vec4<f32>(0.0);

    var from_rows = rows_of(i, first, length, kv, mid);
    for (var tile = first; tile < end; tile += KEYS) {
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
            for (var from_turn = 0u; from_turn < 8u; from_turn += TURNS) {
                var h0 = sums_from(s0);
                var h1 = sums_from(s1);
                var h2 = sums_from(s2);
                var h3 = sums_from(s3);
                var h4 = sums_from(s4);
                var h5 = sums_from(s5);
                var h6 = sums_from(s6);
                var h7 = sums_from(s7);
//#each TURN TURNS
                {
                    let j = from_turn + TURN;
                    let at_key = column * 8u + (j ^ (column % 8u));
                    {
                        let at = at_row + (j ^ twist);
                        let a = pool[8][at_key];
                        let b = pool[9][at_key];
                        let c = pool[10][at_key];
                        let d = pool[11][at_key];
                        h0 = products(h0, pool[0][at], a, b, c, d);
                        h1 = products(h1, pool[1][at], a, b, c, d);
                        h2 = products(h2, pool[2][at], a, b, c, d);
                        h3 = products(h3, pool[3][at], a, b, c, d);
                        h4 = products(h4, pool[4][at], a, b, c, d);
                        h5 = products(h5, pool[5][at], a, b, c, d);
                        h6 = products(h6, pool[6][at], a, b, c, d);
                        h7 = products(h7, pool[7][at], a, b, c, d);
                    }
                    {
                        let at = at_row + ((j + 8u) ^ twist);
                        let a = pool[12][at_key];
                        let b = pool[13][at_key];
                        let c = pool[14][at_key];
                        let d = pool[15][at_key];
                        h0 = products(h0, pool[0][at], a, b, c, d);
                        h1 = products(h1, pool[1][at], a, b, c, d);
                        h2 = products(h2, pool[2][at], a, b, c, d);
                        h3 = products(h3, pool[3][at], a, b, c, d);
                        h4 = products(h4, pool[4][at], a, b, c, d);
                        h5 = products(h5, pool[5][at], a, b, c, d);
                        h6 = products(h6, pool[6][at], a, b, c, d);
                        h7 = products(h7, pool[7][at], a, b, c, d);
                    }
                }
//#end
                s0 = sums_to(s0, h0);
                s1 = sums_to(s1, h1);
                s2 = sums_to(s2, h2);
                s3 = sums_to(s3, h3);
                s4 = sums_to(s4, h4);
                s5 = sums_to(s5, h5);
                s6 = sums_to(s6, h6);
                s7 = sums_to(s7, h7);
            }
        }
        var values = fetch_values(i, 0u, from_rows);
        let next_rows = rows_of(i, tile + KEYS, length, kv, mid);
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
        store_floats(0u, at_row + (column ^ twist), vec4<f32>(most_of(s0), most_of(s1), most_of(s2), most_of(s3)));
        store_floats(1u, at_row + (column ^ twist), vec4<f32>(most_of(s4), most_of(s5), most_of(s6), most_of(s7)));
        store_values(i, values);
        workgroupBarrier();
        let old_low = m_low;
        let old_high = m_high;
        for (var j = 0u; j < 16u; j++) {
            m_low = max(m_low, floats(0u, at_row + (j ^ twist)));
            m_high = max(m_high, floats(1u, at_row + (j ^ twist)));
        }
        workgroupBarrier();
        // Not below half of the lowest: where a row sees nothing, weights are 0, not 1.
        let top_low = max(m_low, vec4<f32>(0.5 * LOWEST)) - SPAN;
        let top_high = max(m_high, vec4<f32>(0.5 * LOWEST)) - SPAN;
        s0 = exp2(s0 - top_low.x);
        s1 = exp2(s1 - top_low.y);
        s2 = exp2(s2 - top_low.z);
        s3 = exp2(s3 - top_low.w);
        s4 = exp2(s4 - top_high.x);
        s5 = exp2(s5 - top_high.y);
        s6 = exp2(s6 - top_high.z);
        s7 = exp2(s7 - top_high.w);
        let at_weight = at_row + (column ^ twist);
        pool[0][at_weight] = as_stored(s0);
        pool[1][at_weight] = as_stored(s1);
        pool[2][at_weight] = as_stored(s2);
        pool[3][at_weight] = as_stored(s3);
        pool[4][at_weight] = as_stored(s4);
        pool[5][at_weight] = as_stored(s5);
        pool[6][at_weight] = as_stored(s6);
        pool[7][at_weight] = as_stored(s7);
        let less_low = exp2(old_low - m_low);
        let less_high = exp2(old_high - m_high);
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
            for (var from_turn = 0u; from_turn < 8u; from_turn += TURNS) {
                var g0 = part_from(o0);
                var g1 = part_from(o1);
                var g2 = part_from(o2);
                var g3 = part_from(o3);
                var g4 = part_from(o4);
                var g5 = part_from(o5);
                var g6 = part_from(o6);
                var g7 = part_from(o7);
                var g8 = part_from(o8);
                var g9 = part_from(o9);
                var g10 = part_from(o10);
                var g11 = part_from(o11);
                var g12 = part_from(o12);
                var g13 = part_from(o13);
                var g14 = part_from(o14);
                var g15 = part_from(o15);
//#each TURN TURNS
                {
                    let j = from_turn + TURN;
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
                    g0 = weigh(g0, w0, a, b, c, d);
                    g1 = weigh(g1, w1, a, b, c, d);
                    g2 = weigh(g2, w2, a, b, c, d);
                    g3 = weigh(g3, w3, a, b, c, d);
                    g4 = weigh(g4, w4, a, b, c, d);
                    g5 = weigh(g5, w5, a, b, c, d);
                    g6 = weigh(g6, w6, a, b, c, d);
                    g7 = weigh(g7, w7, a, b, c, d);
                    if (VECS > 16u) {
                        g8 = weigh(g8, w0, e, f, g, h);
                        g9 = weigh(g9, w1, e, f, g, h);
                        g10 = weigh(g10, w2, e, f, g, h);
                        g11 = weigh(g11, w3, e, f, g, h);
                        g12 = weigh(g12, w4, e, f, g, h);
                        g13 = weigh(g13, w5, e, f, g, h);
                        g14 = weigh(g14, w6, e, f, g, h);
                        g15 = weigh(g15, w7, e, f, g, h);
                    } else {
                        let next = at_row + ((from_vector + 8u + j) ^ twist);
                        g0 = weigh(g0, pool[0][next], e, f, g, h);
                        g1 = weigh(g1, pool[1][next], e, f, g, h);
                        g2 = weigh(g2, pool[2][next], e, f, g, h);
                        g3 = weigh(g3, pool[3][next], e, f, g, h);
                        g4 = weigh(g4, pool[4][next], e, f, g, h);
                        g5 = weigh(g5, pool[5][next], e, f, g, h);
                        g6 = weigh(g6, pool[6][next], e, f, g, h);
                        g7 = weigh(g7, pool[7][next], e, f, g, h);
                    }
                }
//#end
                o0 = part_to(o0, g0);
                o1 = part_to(o1, g1);
                o2 = part_to(o2, g2);
                o3 = part_to(o3, g3);
                o4 = part_to(o4, g4);
                o5 = part_to(o5, g5);
                o6 = part_to(o6, g6);
                o7 = part_to(o7, g7);
                o8 = part_to(o8, g8);
                o9 = part_to(o9, g9);
                o10 = part_to(o10, g10);
                o11 = part_to(o11, g11);
                o12 = part_to(o12, g12);
                o13 = part_to(o13, g13);
                o14 = part_to(o14, g14);
                o15 = part_to(o15, g15);
            }
            if (from_vector + vectors < 16u) { // else the next tile's first barrier will do
                workgroupBarrier();
            }
        }
        from_rows = next_rows;
    }

    workgroupBarrier();
    store_floats(0u, at_row + column, sum_low);
    store_floats(1u, at_row + column, sum_high);
    workgroupBarrier();
    sum_low = vec4<f32>(0.0);
    sum_high = vec4<f32>(0.0);
    for (var j = 0u; j < 16u; j++) {
        sum_low += floats(0u, at_row + j);
        sum_high += floats(1u, at_row + j);
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
// largest score, as an exponent of 2, and the sum of the weights.
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
            y[to + HEAD_DIM / 2u] = vec2<f32>(select(m * 0.6931471805599453, LOWEST, m == LOWEST), sum); // an exponent of e
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

// Stores queries so scaled that the scores are exponents of 2.
fn store_queries(i: u32, queries: Queries) {
    let scale = 1.4426950408889634 / sqrt(f32(HEAD_DIM)); // exp(x) = exp2(1.44.. * x)
    let line = i / 16u;
    let to = i % 16u;
    pool[line][to] = as_stored(queries.a * scale);
    pool[line][16u + (to ^ 4u)] = as_stored(queries.b * scale);
    pool[line][32u + (to ^ 2u)] = as_stored(queries.c * scale);
    pool[line][48u + (to ^ 6u)] = as_stored(queries.d * scale);
    pool[line][64u + to] = as_stored(queries.e * scale);
    pool[line][80u + (to ^ 4u)] = as_stored(queries.f * scale);
    pool[line][96u + (to ^ 2u)] = as_stored(queries.g * scale);
    pool[line][112u + (to ^ 6u)] = as_stored(queries.h * scale);
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
    pool[8u + line][to] = as_stored(pairs.low);
    pool[12u + line][to] = as_stored(pairs.high);
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
    pool[8u + line][to] = as_stored(cached4(values.a));
    pool[8u + line][to + 8u] = as_stored(cached4(values.b));
    pool[8u + line][to + 64u] = as_stored(cached4(values.c));
    pool[8u + line][to + 72u] = as_stored(cached4(values.d));
    pool[12u + line][to] = as_stored(cached4(values.e));
    pool[12u + line][to + 8u] = as_stored(cached4(values.f));
    pool[12u + line][to + 64u] = as_stored(cached4(values.g));
    pool[12u + line][to + 72u] = as_stored(cached4(values.h));
}
