// Attention of a chunk of c queries over the index list, causal among the last c
// entries (paper, eq. 1 and 2, RoPE at contiguous positions): with an online
// softmax, y = softmax(q . rotated K / sqrt(d)) . V.
//
// q, k, v, sel, state, table: lib/attention_list; y: [c][heads][d], or where the
// list is cut into parts [splits][c][heads][d + 2] as attention_merge has them.
// A workgroup takes 64 rows, a row being a query of one of the query heads of
// one key head (64 / group queries of all of them), one part of the list, and 32
// entries of it at a time. Scores: 16 x 16 invocations, each of 4 rows and 2 entries, over
// slices of 16 pairs of dimensions in workgroup memory, where keys are rotated
// on the way. Results: 16 x 16 invocations, each of 4 rows and every 16th vector
// of four dimensions.
//
// VECS and HALF: vectors of four in a head and in half of one.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const RESULTS
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(2) var<storage, read> v: array<Cached>; // [rows][kv_heads][d]
@group(0) @binding(6) var<storage, read_write> y: array<vec2<f32>>;

const ROWS: u32 = 64u;
const KEYS: u32 = 32u;
const SLICE: u32 = 4u; // vectors of four that a slice takes from each half

// Queries [2 * 16 dimensions][16 groups of 4 rows]; then weights, [32 entries][16
// groups of 4 rows].
var<workgroup> left: array<vec4<f32>, 512>;
// Keys [16 pairs][16 pairs of entries]: low of both entries, high of both; then
// maxima or sums of 4 rows, [16 groups of rows][16].
var<workgroup> right: array<vec4<f32>, 256>;
var<workgroup> rows: array<u32, 32>; // of the cache

// The number of row r of the workgroup among all, or the last row's.
fn number_of(r: u32, block: u32, kv: u32) -> u32 {
    let group = p.heads / p.kv_heads;
    let j = min(block * (ROWS / group) + r / group, p.c - 1u);
    return j * p.heads + kv * group + r % group;
}

fn place(r: u32, block: u32, kv: u32) -> u32 {
    return number_of(r, block, kv) * VECS;
}

// Entries of the list that row r sees.
fn seen(r: u32, block: u32) -> u32 {
    let group = p.heads / p.kv_heads;
    return list_length() - p.c + min(block * (ROWS / group) + r / group + 1u, p.c);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let group = p.heads / p.kv_heads;
    let queries = ROWS / group;
    let blocks = (p.c + queries - 1u) / queries;
    let block = (number / p.kv_heads) % blocks;
    let part = number / p.kv_heads / blocks;
    if (part >= p.splits) {
        return;
    }
    let mid = list_mid();
    let first = part * p.split;
    let end = min(first + p.split, list_length() - p.c + min((block + 1u) * queries, p.c));
    let scale = 1.0 / sqrt(f32(HEAD_DIM));

    let four = i / 16u; // rows 4*four to 4*four + 3
    let column = i % 16u;
    let limit = vec4<u32>(seen(4u * four, block), seen(4u * four + 1u, block),
        seen(4u * four + 2u, block), seen(4u * four + 3u, block));
    var o: array<vec4<f32>, RESULTS>; // [vectors][4 rows]
    var m = vec4<f32>(LOWEST);
    var sum = vec4<f32>(0.0);

    for (var tile = first; tile < end; tile += KEYS) {
        let n = min(KEYS, end - tile);
        var s0 = vec4<f32>(0.0); // entry 2*column
        var s1 = vec4<f32>(0.0); // entry 2*column + 1
        for (var slice = 0u; slice < HALF; slice += SLICE) {
            if (i < 128u) {
                load_queries(i % 16u, i / 16u, slice, block, kv);
            } else if (i < 192u) {
                load_keys(i % 16u, (i - 128u) / 16u, slice, tile, n, kv, mid);
            }
            workgroupBarrier();
            for (var j = 0u; j < 4u * SLICE; j++) {
                let low = left[j * 16u + four];
                let high = left[(4u * SLICE + j) * 16u + four];
                let keys = right[j * 16u + column];
                s0 += low * keys.x + high * keys.z;
                s1 += low * keys.y + high * keys.w;
            }
            workgroupBarrier();
        }

        let entry = tile + 2u * column;
        let sees0 = vec4<u32>(entry) < limit;
        let sees1 = vec4<u32>(entry + 1u) < limit;
        s0 = select(vec4<f32>(LOWEST), s0 * scale, sees0);
        s1 = select(vec4<f32>(LOWEST), s1 * scale, sees1);
        right[i] = max(s0, s1);
        workgroupBarrier();
        var most = m;
        for (var j = 0u; j < 16u; j++) {
            most = max(most, right[four * 16u + j]);
        }
        let shrink = exp(m - most);
        m = most;
        let w0 = select(vec4<f32>(0.0), exp(s0 - m), sees0);
        let w1 = select(vec4<f32>(0.0), exp(s1 - m), sees1);
        sum = sum * shrink + w0 + w1;
        left[2u * column * 16u + four] = w0;
        left[(2u * column + 1u) * 16u + four] = w1;
        for (var u = 0u; u < RESULTS / 4u; u++) {
            o[4u * u] *= shrink.x;
            o[4u * u + 1u] *= shrink.y;
            o[4u * u + 2u] *= shrink.z;
            o[4u * u + 3u] *= shrink.w;
        }
        workgroupBarrier();
        for (var j = 0u; j < n; j++) {
            let w = left[j * 16u + four];
            let from_v = (rows[j] * p.kv_heads + kv) * VECS + column;
            for (var u = 0u; u < RESULTS / 4u; u++) {
                if (column + 16u * u < VECS) {
                    let value = cached4(v[from_v + 16u * u]);
                    o[4u * u] += w.x * value;
                    o[4u * u + 1u] += w.y * value;
                    o[4u * u + 2u] += w.z * value;
                    o[4u * u + 3u] += w.w * value;
                }
            }
        }
        workgroupBarrier();
    }

    right[i] = sum;
    workgroupBarrier();
    sum = vec4<f32>(0.0);
    for (var j = 0u; j < 16u; j++) {
        sum += right[four * 16u + j];
    }
    for (var r = 0u; r < 4u; r++) {
        if (4u * four + r < queries * group && block * queries + (4u * four + r) / group < p.c) {
            let row = number_of(4u * four + r, block, kv);
            var to = row * (HEAD_DIM / 2u);
            var over = sum[r];
            if (p.splits > 1u) {
                to = (part * p.c * p.heads + row) * (HEAD_DIM / 2u + 1u);
                over = 1.0;
                if (column == 0u) {
                    y[to + HEAD_DIM / 2u] = vec2<f32>(m[r], sum[r]);
                }
            }
            for (var u = 0u; u < RESULTS / 4u; u++) {
                if (column + 16u * u < VECS) {
                    let result = o[4u * u + r] / over;
                    y[to + 2u * (column + 16u * u)] = result.xy;
                    y[to + 2u * (column + 16u * u) + 1u] = result.zw;
                }
            }
        }
    }
}

// Loads four rows' queries, vector number unit of the slice (of its low and then
// its high halves), one dimension a vector.
fn load_queries(rows4: u32, unit: u32, slice: u32, block: u32, kv: u32) {
    let vec = slice + unit % SLICE;
    var a = vec4<f32>(0.0);
    var b = vec4<f32>(0.0);
    var c = vec4<f32>(0.0);
    var d = vec4<f32>(0.0);
    if (vec < HALF) {
        let at = vec + (unit / SLICE) * HALF;
        a = q[place(4u * rows4, block, kv) + at];
        b = q[place(4u * rows4 + 1u, block, kv) + at];
        c = q[place(4u * rows4 + 2u, block, kv) + at];
        d = q[place(4u * rows4 + 3u, block, kv) + at];
    }
    let to = unit * 64u + rows4;
    left[to] = vec4<f32>(a.x, b.x, c.x, d.x);
    left[to + 16u] = vec4<f32>(a.y, b.y, c.y, d.y);
    left[to + 32u] = vec4<f32>(a.z, b.z, c.z, d.z);
    left[to + 48u] = vec4<f32>(a.w, b.w, c.w, d.w);
}

// Loads and rotates two entries' keys, vector number unit of the slice and its
// partner in the other half.
fn load_keys(pair: u32, unit: u32, slice: u32, tile: u32, n: u32, kv: u32, mid: u32) {
    let a = load_key(2u * pair, unit, slice, tile, n, kv, mid);
    let b = load_key(2u * pair + 1u, unit, slice, tile, n, kv, mid);
    let to = unit * 64u + pair;
    right[to] = vec4<f32>(a.low.x, b.low.x, a.high.x, b.high.x);
    right[to + 16u] = vec4<f32>(a.low.y, b.low.y, a.high.y, b.high.y);
    right[to + 32u] = vec4<f32>(a.low.z, b.low.z, a.high.z, b.high.z);
    right[to + 48u] = vec4<f32>(a.low.w, b.low.w, a.high.w, b.high.w);
}

fn load_key(key: u32, unit: u32, slice: u32, tile: u32, n: u32, kv: u32, mid: u32) -> Pairs {
    let vec = slice + unit;
    if (vec >= HALF || key >= n) {
        return Pairs(vec4<f32>(0.0), vec4<f32>(0.0));
    }
    let row = list_row(tile + key, mid);
    if (unit == 0u && slice == 0u) {
        rows[key] = row;
    }
    let from_k = (row * p.kv_heads + kv) * VECS + vec;
    let from_table = (tile + key) * VECS + vec;
    return rotate(cached4(k[from_k]), cached4(k[from_k + HALF]), table[from_table], table[from_table + HALF]);
}
