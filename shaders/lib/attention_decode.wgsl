// Attention of one query over a part of the index list (paper, eq. 1 and 2,
// RoPE at contiguous positions): o = sum of exp(s - m) * V over the part's
// entries, with s = q . rotated K / sqrt(d) and m the largest s, and the sum of
// the weights.
//
// q, k, v, sel, state, table: lib/attention_list; part: [splits][heads][d + 2],
// o then m then sum; sum is 0 where the part is empty.
// A workgroup takes one part for one key head and all its GROUP query heads,
// 64 entries at a time: a key is read and rotated once, by 4 invocations.
//
// VECS and HALF: vectors of four in a head and in half of one; UNIT_KEYS:
// invocations that share a column of the values.
//#const HEAD_DIM
//#const VECS
//#const HALF
//#const UNIT_KEYS
//#const GROUP
//#const GROUP_VECS
//#const GROUP_KEYS
//#const POOL
//#import lib/grid
//#import lib/lowest
//#import lib/rotate
//#import lib/attention_list
@group(0) @binding(6) var<storage, read_write> part: array<f32>;

const KEYS: u32 = 64u;  // entries of a tile
const LANES: u32 = 4u;  // invocations that share a key; and 8 share a head's
const SHARE: u32 = 8u;  // 64 scores

var<workgroup> query: array<vec4<f32>, GROUP_VECS>; // [GROUP][d / 4]
var<workgroup> rows: array<u32, 64>;
var<workgroup> weight: array<f32, GROUP_KEYS>;      // [GROUP][KEYS], scores, then weights
var<workgroup> share: array<f32, 64>;               // [GROUP][SHARE]
var<workgroup> largest: array<f32, 8>;              // [GROUP], of the scores so far
var<workgroup> shrink: array<f32, 8>;               // [GROUP], by the last tile
var<workgroup> pool: array<f32, POOL>;              // partial sums, then partial results

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
    let first = min(split * p.split, list_length());
    let end = min(first + p.split, list_length());
    let scale = 1.0 / sqrt(f32(HEAD_DIM));

    for (var j = i; j < GROUP * VECS; j += 256u) {
        query[j] = q[kv * GROUP * VECS + j];
    }
    if (i < GROUP) {
        largest[i] = LOWEST;
    }
    workgroupBarrier();

    // Of the values, an invocation takes four dimensions of every UNIT_KEYS-th
    // entry.
    let unit = i % VECS;
    let unit_key = i / VECS;
    var o: array<vec4<f32>, GROUP>;
    var share_sum = 0.0; // of the weights of this invocation's eighth

    for (var tile = first; tile < end; tile += KEYS) {
        let n = min(KEYS, end - tile);
        let key = i / LANES;
        let lane = i % LANES;
        // naga 22 starts a variable with zeros once, not anew in each round.
        var sums: array<f32, GROUP>;
        for (var g = 0u; g < GROUP; g++) {
            sums[g] = 0.0;
        }
        if (key < n) {
            let row = list_row(tile + key, mid);
            if (lane == 0u) {
                rows[key] = row;
            }
            let from_k = (row * p.kv_heads + kv) * VECS;
            let from_table = (tile + key) * VECS;
            for (var j = lane; j < HALF; j += LANES) {
                let pairs = rotate(cached4(k[from_k + j]), cached4(k[from_k + HALF + j]),
                    table[from_table + j], table[from_table + HALF + j]);
                for (var g = 0u; g < GROUP; g++) {
                    sums[g] += dot(query[g * VECS + j], pairs.low) + dot(query[g * VECS + HALF + j], pairs.high);
                }
            }
        }
        for (var g = 0u; g < GROUP; g++) {
            pool[(g * LANES + lane) * KEYS + key] = sums[g];
        }
        workgroupBarrier();

        for (var j = i; j < GROUP * KEYS; j += 256u) {
            let at = (j / KEYS) * LANES * KEYS + j % KEYS;
            var s = LOWEST;
            if (j % KEYS < n) {
                s = scale * ((pool[at] + pool[at + KEYS]) + (pool[at + 2u * KEYS] + pool[at + 3u * KEYS]));
            }
            weight[j] = s;
        }
        workgroupBarrier();

        if (i < GROUP * SHARE) {
            var m = weight[i * SHARE];
            for (var j = 1u; j < SHARE; j++) {
                m = max(m, weight[i * SHARE + j]);
            }
            share[i] = m;
        }
        workgroupBarrier();

        if (i < GROUP) {
            var m = largest[i];
            for (var j = 0u; j < SHARE; j++) {
                m = max(m, share[i * SHARE + j]);
            }
            shrink[i] = exp(largest[i] - m);
            largest[i] = m;
        }
        workgroupBarrier();

        for (var j = i; j < GROUP * KEYS; j += 256u) {
            var w = 0.0;
            if (j % KEYS < n) {
                w = exp(weight[j] - largest[j / KEYS]);
            }
            weight[j] = w;
        }
        workgroupBarrier();

        if (i < GROUP * SHARE) {
            share_sum *= shrink[i / SHARE];
            for (var j = 0u; j < SHARE; j++) {
                share_sum += weight[i * SHARE + j];
            }
        }
        if (unit_key < UNIT_KEYS) {
            for (var g = 0u; g < GROUP; g++) {
                o[g] *= shrink[g];
            }
            for (var j = unit_key; j < n; j += UNIT_KEYS) {
                let value = cached4(v[(rows[j] * p.kv_heads + kv) * VECS + unit]);
                for (var g = 0u; g < GROUP; g++) {
                    o[g] += weight[g * KEYS + j] * value;
                }
            }
        }
        workgroupBarrier();
    }

    if (i < GROUP * SHARE) {
        share[i] = share_sum;
    }
    for (var g = 0u; g < GROUP; g++) {
        pool[i] = o[g].x;
        pool[256u + i] = o[g].y;
        pool[512u + i] = o[g].z;
        pool[768u + i] = o[g].w;
        workgroupBarrier();
        let to = (split * p.heads + kv * GROUP + g) * (HEAD_DIM + 2u);
        if (i < HEAD_DIM) {
            let at = (i % 4u) * 256u + i / 4u;
            var sum = 0.0;
            for (var j = 0u; j < UNIT_KEYS; j++) {
                sum += pool[at + j * VECS];
            }
            part[to + i] = sum;
        }
        if (i == 0u) {
            var sum = 0.0;
            for (var j = 0u; j < SHARE; j++) {
                sum += share[g * SHARE + j];
            }
            part[to + HEAD_DIM] = largest[g];
            part[to + HEAD_DIM + 1u] = sum;
        }
        workgroupBarrier();
    }
}
