// Attention of a chunk of c queries over the index list, causal among the last c
// entries (paper, eq. 1 and 2, RoPE at contiguous positions): with an online
// softmax, y = softmax(q . rotated K / sqrt(d)) . V.
//
// q, k, v, sel, state, table: lib/attention_list; y: [c][heads][d], or where the
// list is cut into parts [splits][c][heads][d + 2] as attention_merge has them.
// A workgroup takes 64 rows, a row being a query of one of the query heads of one
// key head (64 / group queries of all of them), one part of the list, and KEYS
// entries of it at a time; an invocation has a row. It is short, takes no more
// workgroup memory than any device has, and compiles in no time, which is what
// GPUs want that are a CPU; others want lib/attention_chunk_tiled.
//
// VECS and HALF: vectors of four in a head and in half of one; TILE: KEYS * VECS.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const TILE
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(2) var<storage, read> v: array<Cached>; // [rows][kv_heads][d]
@group(0) @binding(6) var<storage, read_write> y: array<vec2<f32>>;

const KEYS: u32 = 16u;

var<workgroup> tile: array<vec4<f32>, TILE>; // [KEYS][VECS]: rotated keys, then values

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let group = p.heads / p.kv_heads;
    let queries = 64u / group;
    let blocks = (p.c + queries - 1u) / queries;
    let first_query = (number / p.kv_heads % blocks) * queries;
    let part = number / p.kv_heads / blocks;
    if (part >= p.splits) {
        return;
    }
    let mid = list_mid();
    let length = list_length();
    let before = length - p.c; // entries that all rows see
    let end = min((part + 1u) * p.split, before + min(first_query + queries, p.c));
    let first = max(part * p.split, list_first(before + first_query));

    let query = first_query + i / group;
    let row = min(query, p.c - 1u) * p.heads + kv * group + i % group;
    let seen = min(before + min(query, p.c - 1u) + 1u, end);
    let unseen = min(list_first(before + min(query, p.c - 1u)), seen); // entries of a window before this row's
    let scale = 1.0 / sqrt(f32(HEAD_DIM));
    var own: array<vec4<f32>, VECS>;
    var o: array<vec4<f32>, VECS>;
    for (var j = 0u; j < VECS; j++) {
        own[j] = q[row * VECS + j] * scale;
        o[j] = vec4<f32>(0.0);
    }
    var m = LOWEST; // the largest score so far
    var sum = 0.0;
    for (var from_entry = first; from_entry < end; from_entry += KEYS) {
        for (var at = i; at < KEYS * HALF; at += 64u) {
            let entry = min(from_entry + at / HALF, length - 1u);
            let vec = at % HALF;
            let from_k = (list_row(entry, mid) * p.kv_heads + kv) * VECS + vec;
            let angles = entry * VECS + vec;
            let pairs = rotate(cached4(k[from_k]), cached4(k[from_k + HALF]), table[angles], table[angles + HALF]);
            tile[at / HALF * VECS + vec] = pairs.low;
            tile[at / HALF * VECS + vec + HALF] = pairs.high;
        }
        workgroupBarrier();
        var s: array<f32, 16>;
        var most = m;
        for (var key = 0u; key < KEYS; key++) {
            s[key] = 0.0;
            for (var j = 0u; j < VECS; j++) {
                s[key] += dot(own[j], tile[key * VECS + j]);
            }
            if (from_entry + key - unseen < seen - unseen) {
                most = max(most, s[key]);
            }
        }
        workgroupBarrier();
        for (var at = i; at < TILE; at += 64u) {
            let entry = min(from_entry + at / VECS, length - 1u);
            tile[at] = cached4(v[(list_row(entry, mid) * p.kv_heads + kv) * VECS + at % VECS]);
        }
        workgroupBarrier();
        let less = exp(m - most);
        m = most;
        sum *= less;
        for (var j = 0u; j < VECS; j++) {
            o[j] *= less;
        }
        for (var key = 0u; key < KEYS; key++) {
            if (from_entry + key - unseen < seen - unseen) {
                let weight = exp(s[key] - m);
                sum += weight;
                for (var j = 0u; j < VECS; j++) {
                    o[j] += weight * tile[key * VECS + j];
                }
            }
        }
        workgroupBarrier();
    }

    if (i >= queries * group || query >= p.c) {
        return;
    }
    var to = row * (HEAD_DIM / 2u);
    var over = sum;
    if (p.splits > 1u) {
        to = (part * p.c * p.heads + row) * (HEAD_DIM / 2u + 1u);
        over = 1.0;
        y[to + HEAD_DIM / 2u] = vec2<f32>(m, sum);
    }
    for (var j = 0u; j < VECS; j++) {
        y[to + 2u * j] = o[j].xy / over;
        y[to + 2u * j + 1u] = o[j].zw / over;
    }
}
