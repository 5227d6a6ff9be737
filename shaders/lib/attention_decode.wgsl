// Attention of one query over a part of the index list (paper, eq. 1 and 2,
// RoPE at contiguous positions): o = sum of exp(s - m) * V over the part's
// entries, with s = rotated q . rotated K / sqrt(d) and m the largest s, and the
// sum of the weights.
//
// q: [heads][d], before RoPE; k, v, sel, state, table: lib/attention_list; part:
// [splits][heads][d + 2], o then m then sum; sum is 0 where the part is empty.
// A workgroup takes one part for one key head and all its GROUP query heads,
// KEYS entries at a time, 8 invocations a key. It asks for the keys and values
// of a tile before it works on the tile before, as memory takes longer to answer
// than the work does.
//
// A dot product depends on the distance of two positions alone. So where p.near
// is not 0, the query is turned to its distance from the tile's first entry, and a
// key by its place in the tile: the angles of KEYS positions, which stay in the
// nearest memory, serve a long list, whose own would be as many bytes as its keys
// and values are.
//
// VECS and HALF: vectors of four in a head and in half of one; PIECES: those of
// an invocation in half a key; ROUNDS: keys of an invocation; KEY_LOADS: 2 *
// PIECES * ROUNDS; VALUE_LOADS: values of an invocation; UNIT_KEYS: invocations
// that share a column of them; SLOTS: scores of one.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const PIECES
//#const ROUNDS
//#const KEYS
//#const KEY_LOADS
//#const UNIT_KEYS
//#const VALUE_LOADS
//#const GROUP
//#const GROUP_VECS
//#const GROUP_KEYS
//#const SLOTS
//#const POOL
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(6) var<storage, read_write> part: array<f32>;

// Where in the table the angles of a tile's query start.
fn query_angles(tile: u32, length: u32) -> u32 {
    if (p.near != 0u) {
        return (length - 1u - tile) * VECS;
    }
    return (length - 1u) * VECS;
}

const LANES: u32 = 8u; // invocations that share a key

var<workgroup> query: array<vec4<f32>, GROUP_VECS>; // [GROUP][d / 4], turned
var<workgroup> score: array<f32, GROUP_KEYS>;       // [GROUP][KEYS]
var<workgroup> weight: array<f32, GROUP_KEYS>;      // [GROUP][KEYS]
var<workgroup> eighth: array<f32, 64>;              // [GROUP][8], largest scores of eighths of the tile
var<workgroup> shrink: array<f32, 8>;               // [GROUP], by the last tile
var<workgroup> pool: array<f32, POOL>;              // partial sums, then partial results

// The vector of half a key that an invocation takes as its j-th; behind the
// last, the last again.
fn piece_at(i: u32, j: u32) -> u32 {
    return min(i % LANES + j * LANES, HALF - 1u);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let split = number / p.kv_heads;
    if (split >= p.splits) {
        return;
    }
    let mid = list_mid();
    let length = list_length();
    let first = min(split * p.split, length);
    let end = min(first + p.split, length);
    let scale = 1.0 / sqrt(f32(HEAD_DIM));
    let unit = i % VECS;
    let unit_key = i / VECS;

    // A pair of vectors of the query, for those who turn it.
    var own: Pairs;
    let turns = i < GROUP * HALF;
    let half_at = i % HALF;
    let query_at = (i / HALF) * VECS + half_at;
    if (turns) {
        own.low = q[kv * GROUP * VECS + query_at];
        own.high = q[kv * GROUP * VECS + query_at + HALF];
    }

    var keys: array<Cached, KEY_LOADS>;     // [ROUNDS][PIECES][2]
    var values: array<Cached, VALUE_LOADS>;
    if (first < end) {
        for (var u = 0u; u < ROUNDS; u++) {
            let from_k = (list_row(min(first + u * 32u + i / LANES, end - 1u), mid) * p.kv_heads + kv) * VECS;
            for (var j = 0u; j < PIECES; j++) {
                keys[(u * PIECES + j) * 2u] = k[from_k + piece_at(i, j)];
                keys[(u * PIECES + j) * 2u + 1u] = k[from_k + HALF + piece_at(i, j)];
            }
        }
        for (var j = 0u; j < VALUE_LOADS; j++) {
            let row = list_row(min(first + unit_key * VALUE_LOADS + j, end - 1u), mid);
            values[j] = v[(row * p.kv_heads + kv) * VECS + unit];
        }
        if (turns) {
            let from_table = query_angles(first, length) + half_at;
            let pairs = rotate(own.low, own.high, table[from_table], table[from_table + HALF]);
            query[query_at] = pairs.low;
            query[query_at + HALF] = pairs.high;
        }
    }
    workgroupBarrier();

    var o: array<vec4<f32>, GROUP>;
    var largest: array<f32, SLOTS>; // of the scores so far of a slot's head
    var sums: array<f32, SLOTS>;    // of the weights of a slot's places in the tiles
    for (var s = 0u; s < SLOTS; s++) {
        largest[s] = LOWEST;
        sums[s] = 0.0;
    }
    for (var tile = first; tile < end; tile += KEYS) {
        // An invocation's share of its keys' scores.
        for (var u = 0u; u < ROUNDS; u++) {
            let key = u * 32u + i / LANES;
            let position = min(select(tile + key, key, p.near != 0u), length - 1u) * VECS;
            var partial: array<f32, GROUP>;
            for (var g = 0u; g < GROUP; g++) {
                partial[g] = 0.0;
            }
            for (var j = 0u; j < PIECES; j++) {
                if (i % LANES + j * LANES < HALF) {
                    let at = i % LANES + j * LANES;
                    let pairs = rotate(cached4(keys[(u * PIECES + j) * 2u]), cached4(keys[(u * PIECES + j) * 2u + 1u]),
                        table[position + at], table[position + HALF + at]);
                    for (var g = 0u; g < GROUP; g++) {
                        partial[g] += dot(query[g * VECS + at], pairs.low) + dot(query[g * VECS + HALF + at], pairs.high);
                    }
                }
            }
            for (var g = 0u; g < GROUP; g++) {
                pool[(g * KEYS + key) * LANES + ((i + key / 4u) % LANES)] = partial[g];
            }
        }
        let next = tile + KEYS;
        if (next < end) {
            for (var u = 0u; u < ROUNDS; u++) {
                let from_k = (list_row(min(next + u * 32u + i / LANES, end - 1u), mid) * p.kv_heads + kv) * VECS;
                for (var j = 0u; j < PIECES; j++) {
                    keys[(u * PIECES + j) * 2u] = k[from_k + piece_at(i, j)];
                    keys[(u * PIECES + j) * 2u + 1u] = k[from_k + HALF + piece_at(i, j)];
                }
            }
        }
        workgroupBarrier();

        // A slot is one score: of a head and an entry of the tile.
        var own_score: array<f32, SLOTS>;
        for (var s = 0u; s < SLOTS; s++) {
            let slot = s * 256u + i;
            own_score[s] = LOWEST;
            if (slot < GROUP_KEYS) {
                if (tile + slot % KEYS < end) {
                    var sum = 0.0;
                    for (var l = 0u; l < LANES; l++) {
                        sum += pool[slot * LANES + ((l + (slot % KEYS) / 4u) % LANES)];
                    }
                    own_score[s] = sum * scale;
                }
                score[slot] = own_score[s];
            }
        }
        if (turns && p.near != 0u && next < end) {
            let from_table = query_angles(next, length) + half_at;
            let pairs = rotate(own.low, own.high, table[from_table], table[from_table + HALF]);
            query[query_at] = pairs.low;
            query[query_at + HALF] = pairs.high;
        }
        workgroupBarrier();

        if (i < GROUP * 8u) {
            var m = LOWEST;
            for (var j = 0u; j < KEYS / 8u; j++) {
                m = max(m, score[i * (KEYS / 8u) + j]);
            }
            eighth[i] = m;
        }
        workgroupBarrier();

        for (var s = 0u; s < SLOTS; s++) {
            let slot = s * 256u + i;
            if (slot < GROUP_KEYS) {
                let before = largest[s];
                var m = before;
                for (var j = 0u; j < 8u; j++) {
                    m = max(m, eighth[slot / KEYS * 8u + j]);
                }
                var w = 0.0;
                if (tile + slot % KEYS < end) {
                    w = exp(own_score[s] - m);
                }
                let less = exp(before - m);
                weight[slot] = w;
                sums[s] = sums[s] * less + w;
                largest[s] = m;
                if (slot % KEYS == 0u) {
                    shrink[slot / KEYS] = less;
                }
            }
        }
        workgroupBarrier();

        if (unit_key < UNIT_KEYS) {
            for (var g = 0u; g < GROUP; g++) {
                o[g] *= shrink[g];
            }
            for (var j = 0u; j < VALUE_LOADS; j++) {
                let key = unit_key * VALUE_LOADS + j;
                if (key < KEYS) {
                    let value = cached4(values[j]);
                    for (var g = 0u; g < GROUP; g++) {
                        o[g] += weight[g * KEYS + key] * value;
                    }
                }
            }
        }
        if (next < end) {
            for (var j = 0u; j < VALUE_LOADS; j++) {
                let row = list_row(min(next + unit_key * VALUE_LOADS + j, end - 1u), mid);
                values[j] = v[(row * p.kv_heads + kv) * VECS + unit];
            }
        }
    }

    // The sums of the weights, then the results, two heads at a time.
    for (var s = 0u; s < SLOTS; s++) {
        if (s * 256u + i < GROUP_KEYS) {
            score[s * 256u + i] = sums[s];
        }
    }
    workgroupBarrier();
    for (var s = 0u; s < SLOTS; s++) {
        let slot = s * 256u + i;
        if (slot < GROUP_KEYS && slot % KEYS == 0u) {
            var sum = 0.0;
            for (var j = 0u; j < KEYS; j++) {
                sum += score[slot + j];
            }
            let to = (split * p.heads + kv * GROUP + slot / KEYS) * (HEAD_DIM + 2u) + HEAD_DIM;
            part[to] = largest[s];
            part[to + 1u] = sum;
        }
    }
    for (var from_head = 0u; from_head < GROUP; from_head += 2u) {
        for (var g = 0u; g < GROUP; g++) {
            if (g / 2u == from_head / 2u) {
                let at = (g % 2u) * 1024u + i;
                pool[at] = o[g].x;
                pool[at + 256u] = o[g].y;
                pool[at + 512u] = o[g].z;
                pool[at + 768u] = o[g].w;
            }
        }
        workgroupBarrier();
        for (var j = i; j < min(2u, GROUP - from_head) * HEAD_DIM; j += 256u) {
            let dim = j % HEAD_DIM;
            let at = (j / HEAD_DIM) * 1024u + (dim % 4u) * 256u + dim / 4u;
            var sum = 0.0;
            for (var l = 0u; l < UNIT_KEYS; l++) {
                sum += pool[at + l * VECS];
            }
            part[(split * p.heads + kv * GROUP + from_head + j / HEAD_DIM) * (HEAD_DIM + 2u) + dim] = sum;
        }
        workgroupBarrier();
    }
}
