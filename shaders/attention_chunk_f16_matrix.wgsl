// attention_chunk_f16 where subgroups of 32 multiply matrices of 16 x 16 float16
// into float32. A subgroup takes 16 rows, a workgroup two of the baseline's
// blocks of 64, so that every other workgroup has nothing to do, and 32
// entries of the list at a time, whose keys, rotated, and values lie in workgroup
// memory as float16. What is loaded of the next 32 is under way meanwhile.
//
// Nothing but memory takes a matrix apart: scores go through it to become
// weights. Results stay in registers, so what they are relative to, the row's
// maximum m, is not raised as long as weights stay below exp(8), of which float16
// holds 22 times as much: only then do results go through memory to be scaled.
//
// A key's angle is that of its tile's first entry and that of its place in the
// tile, the same for all tiles, so that 32 rows of the table serve the whole list.
//
// STEPS: 16ths of a head; KEY_LOADS, VALUE_LOADS: what an invocation loads of a tile.
enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
//#import lib/half_matrices
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const STEPS
//#const STRIDE
//#const TILE
//#const KEY_LOADS
//#const VALUE_LOADS
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/cache_f16
//#import lib/attention_list
@group(0) @binding(2) var<storage, read> v: array<Cached>; // [rows][kv_heads][d]
@group(0) @binding(6) var<storage, read_write> y: array<vec2<f32>>;

const ROWS: u32 = 64u; // of a block
const BLOCKS: u32 = 2u;
const THREADS: u32 = 256u;
const KEYS: u32 = 32u;
const SCORE_STRIDE: u32 = 36u;
const WEIGHT_STRIDE: u32 = 40u;
const SPAN: f32 = 8.0; // of a weight's logarithm

// Entries in rows of STRIDE values, eight of which lie beyond a head to spread the
// rows over the banks of memory.
var<workgroup> keys: array<f16, TILE>;
var<workgroup> values: array<f16, TILE>;
var<workgroup> scores: array<f32, 4608>;  // [rows][SCORE_STRIDE]; results on their way
var<workgroup> weights: array<f16, 5120>; // [rows][WEIGHT_STRIDE]; queries on their way
// x: 1 if some row's weights exceed what they may be. Four words like all others,
// as matrices are read well only from addresses that are multiples of 16 bytes, and
// wrongly from others, and nothing but what lies before it aligns an array.
var<workgroup> grows: vec4<u32>;
var<workgroup> rows: array<u32, 64>; // of the cache, of two tiles: even ones, odd ones

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
    if (part >= p.splits || block % BLOCKS != 0u) {
        return;
    }
    let mid = list_mid();
    let past = list_length() - p.c;
    let end = min((part + 1u) * p.split, past + min((block + BLOCKS) * queries, p.c));
    let first = max(part * p.split, list_first(past + block * queries) / KEYS * KEYS); // parts are of whole tiles
    let scale = 1.0 / sqrt(f32(HEAD_DIM));

    // This subgroup's rows, and of them the one that this invocation works on
    // together with its neighbour: it takes every other entry.
    let subgroup = i / 32u;
    let r = (i % 32u) / 2u;
    let odd = i % 2u;
    let row = subgroup * 16u + r;
    let query = block * queries + row / group;
    let head = kv * group + row % group;
    let limit = past + min(query + 1u, p.c);
    let unseen = list_first(limit - 1u); // entries of a window before this row's
    let sees = limit - unseen;
    let used = row < BLOCKS * queries * group && query < p.c;
    let from_q = (min(query, p.c - 1u) * p.heads + head) * VECS;
    let my_scores = subgroup * 16u * SCORE_STRIDE;
    let my_weights = subgroup * 16u * WEIGHT_STRIDE;

    var q16: array<Left, STEPS>;
//#each STEP STEPS
    {
        let a = q[from_q + STEP * 4u + odd * 2u];
        let b = q[from_q + STEP * 4u + odd * 2u + 1u];
        let to = my_weights + r * WEIGHT_STRIDE + odd * 8u;
        weights[to] = f16(a.x);
        weights[to + 1u] = f16(a.y);
        weights[to + 2u] = f16(a.z);
        weights[to + 3u] = f16(a.w);
        weights[to + 4u] = f16(b.x);
        weights[to + 5u] = f16(b.y);
        weights[to + 6u] = f16(b.z);
        weights[to + 7u] = f16(b.w);
        workgroupBarrier();
        q16[STEP] = subgroupMatrixLoad<Left>(&weights, my_weights, false, WEIGHT_STRIDE);
        workgroupBarrier();
    }
//#end

    var o: array<Result, STEPS>;
    var m = LOWEST;
    var sum = 0.0;
    var next_keys: array<vec4<u32>, KEY_LOADS>;
    var next_values: array<vec2<u32>, VALUE_LOADS>;
    if (i < 2u * KEYS && first + i < end) {
        rows[i] = list_row(first + i, mid);
    }
    workgroupBarrier();
//#each LOAD KEY_LOADS
    next_keys[LOAD] = load_key(i + LOAD * THREADS, first, end, 0u, kv);
//#end
//#each LOAD VALUE_LOADS
    next_values[LOAD] = load_value(i + LOAD * THREADS, first, end, 0u, kv);
//#end
    var slot = 0u; // of the tile's rows

    for (var tile = first; tile < end; tile += KEYS) {
//#each LOAD KEY_LOADS
        store_key(i + LOAD * THREADS, tile, end, next_keys[LOAD]);
//#end
//#each LOAD VALUE_LOADS
        store_value(i + LOAD * THREADS, next_values[LOAD]);
//#end
        if (i == 0u) {
            grows = vec4<u32>(0u);
        }
        workgroupBarrier();
//#each LOAD KEY_LOADS
        next_keys[LOAD] = load_key(i + LOAD * THREADS, tile + KEYS, end, KEYS - slot, kv);
//#end
//#each LOAD VALUE_LOADS
        next_values[LOAD] = load_value(i + LOAD * THREADS, tile + KEYS, end, KEYS - slot, kv);
//#end
        if (i < KEYS && tile + 2u * KEYS + i < end) {
            rows[slot + i] = list_row(tile + 2u * KEYS + i, mid);
        }
        slot = KEYS - slot;

        var s0 = Result();
        var s1 = Result();
//#each STEP STEPS
        s0 = subgroupMatrixMultiplyAccumulate(q16[STEP], subgroupMatrixLoad<Right>(&keys, STEP * 16u, true, STRIDE), s0);
        s1 = subgroupMatrixMultiplyAccumulate(q16[STEP], subgroupMatrixLoad<Right>(&keys, 16u * STRIDE + STEP * 16u, true, STRIDE), s1);
//#end
        subgroupMatrixStore(&scores, my_scores, s0, false, SCORE_STRIDE);
        subgroupMatrixStore(&scores, my_scores + 16u, s1, false, SCORE_STRIDE);
        workgroupBarrier();

        var s: array<f32, 16>;
        var most = LOWEST;
//#each E 16
        {
            let seen = tile + 2u * E + odd - unseen < sees;
            s[E] = select(LOWEST, scores[my_scores + r * SCORE_STRIDE + 2u * E + odd] * scale, seen);
            most = max(most, s[E]);
        }
//#end
        most = max(most, subgroupShuffleXor(most, 1u));
        if (tile == first) {
            m = most;
        } else if (most > m + SPAN) {
            grows.x = 1u;
        }
        if (workgroupUniformLoad(&grows).x != 0u) {
            let before = m;
            m = max(m, most);
            let shrink = exp(before - m);
            sum *= shrink;
//#each STEP STEPS
            subgroupMatrixStore(&scores, my_scores, o[STEP], false, SCORE_STRIDE);
            workgroupBarrier();
//#each E 8
            scores[my_scores + r * SCORE_STRIDE + 2u * E + odd] *= shrink;
//#end
            workgroupBarrier();
            o[STEP] = subgroupMatrixLoad<Result>(&scores, my_scores, false, SCORE_STRIDE);
            workgroupBarrier();
//#end
        }
//#each E 16
        {
            let w = f16(select(0.0, exp(s[E] - m), tile + 2u * E + odd - unseen < sees));
            sum += f32(w);
            weights[my_weights + r * WEIGHT_STRIDE + 2u * E + odd] = w;
        }
//#end
        workgroupBarrier();

        let w0 = subgroupMatrixLoad<Left>(&weights, my_weights, false, WEIGHT_STRIDE);
        let w1 = subgroupMatrixLoad<Left>(&weights, my_weights + 16u, false, WEIGHT_STRIDE);
//#each STEP STEPS
        o[STEP] = subgroupMatrixMultiplyAccumulate(w0, subgroupMatrixLoad<Right>(&values, STEP * 16u, false, STRIDE), o[STEP]);
        o[STEP] = subgroupMatrixMultiplyAccumulate(w1, subgroupMatrixLoad<Right>(&values, 16u * STRIDE + STEP * 16u, false, STRIDE), o[STEP]);
//#end
        workgroupBarrier();
    }

    sum += subgroupShuffleXor(sum, 1u);
    let number_of_row = min(query, p.c - 1u) * p.heads + head;
    var to = number_of_row * (HEAD_DIM / 2u);
    var over = sum;
    if (p.splits > 1u) {
        to = (part * p.c * p.heads + number_of_row) * (HEAD_DIM / 2u + 1u);
        over = 1.0;
        if (used && odd == 0u) {
            y[to + HEAD_DIM / 2u] = vec2<f32>(m, sum);
        }
    }
//#each STEP STEPS
    subgroupMatrixStore(&scores, my_scores, o[STEP], false, SCORE_STRIDE);
    workgroupBarrier();
    if (used) {
//#each E 4
        {
            let at = my_scores + r * SCORE_STRIDE + 4u * E + 2u * odd;
            y[to + STEP * 8u + 2u * E + odd] = vec2<f32>(scores[at], scores[at + 1u]) / over;
        }
//#end
    }
    workgroupBarrier();
//#end
}

// Four pairs of the key of unit / HALF, as it lies in the cache: the low words,
// then the high ones.
fn load_key(unit: u32, tile: u32, end: u32, slot: u32, kv: u32) -> vec4<u32> {
    let place = unit / HALF;
    if (unit >= KEYS * HALF || tile + place >= end) {
        return vec4<u32>(0u);
    }
    let from_k = (rows[slot + place] * p.kv_heads + kv) * VECS + unit % HALF;
    return vec4<u32>(k[from_k], k[from_k + HALF]);
}

fn store_key(unit: u32, tile: u32, end: u32, words: vec4<u32>) {
    if (unit >= KEYS * HALF) {
        return;
    }
    let place = unit / HALF;
    let vec = unit % HALF;
    let at = min(place, end - tile - 1u) * VECS + vec; // no angle beyond the list
    let near = rotate(cached4(words.xy), cached4(words.zw), table[at], table[at + HALF]);
    let base = tile * VECS + vec;
    let turned = rotate(near.low, near.high, table[base], table[base + HALF]);
    let to = place * STRIDE + 4u * vec;
    keys[to] = f16(turned.low.x);
    keys[to + 1u] = f16(turned.low.y);
    keys[to + 2u] = f16(turned.low.z);
    keys[to + 3u] = f16(turned.low.w);
    keys[to + HEAD_DIM / 2u] = f16(turned.high.x);
    keys[to + HEAD_DIM / 2u + 1u] = f16(turned.high.y);
    keys[to + HEAD_DIM / 2u + 2u] = f16(turned.high.z);
    keys[to + HEAD_DIM / 2u + 3u] = f16(turned.high.w);
}

// Four values of the entry of unit / VECS.
fn load_value(unit: u32, tile: u32, end: u32, slot: u32, kv: u32) -> vec2<u32> {
    let place = unit / VECS;
    if (unit >= KEYS * VECS || tile + place >= end) {
        return vec2<u32>(0u);
    }
    return v[(rows[slot + place] * p.kv_heads + kv) * VECS + unit % VECS];
}

fn store_value(unit: u32, words: vec2<u32>) {
    if (unit >= KEYS * VECS) {
        return;
    }
    let to = (unit / VECS) * STRIDE + 4u * (unit % VECS);
    let low = bitcast<vec2<f16>>(words.x);
    let high = bitcast<vec2<f16>>(words.y);
    values[to] = low.x;
    values[to + 1u] = low.y;
    values[to + 2u] = high.x;
    values[to + 3u] = high.y;
}
