// Attention of one query over a part of the index list (paper, eq. 1 and 2,
// RoPE at contiguous positions): o = sum of exp(s - m) * V over the part's
// entries, with s = rotated q . rotated K / sqrt(d) and m the largest s, and the
// sum of the weights.
//
// q: [heads][d], before RoPE; k, sel, state, table: lib/attention_list; v: as k;
// part: [splits][heads][d + 2], o then m then sum; sum is 0 where the part is empty.
// A workgroup takes one part for one key head and all its GROUP query heads: every
// splits-th block of p.split entries, so that all workgroups together go through
// the cache from front to back, KEYS entries at a time. LANES invocations share a
// key, of which each has 8 dimensions, and of the results as many; it works for
// four heads at once, which stand side by side in its vectors. So what is read of
// keys and values never leaves the registers that it is read into: only partial
// scores go through workgroup memory, once for four keys of an invocation, and
// weights come back. Keys and values are asked for a tile ahead, as memory takes
// longer to answer than the work does.
//
// A dot product depends on the distance of two positions alone. So the query is
// turned to its distance from the first entry of a block, and a key by its place
// in the block: the angles of so few positions, which stay in the nearest memory,
// serve a long list, whose own would be as many bytes as its keys and values are.
//
// VECS and HALF: vectors of four in a head and in half of one; LANES: a power of
// two, not less than HALF; SHARE: heads of an invocation, at most four; TEAM: those
// of the 64 invocations that work for the same heads; ROWS: TEAM / LANES, keys that
// a team takes at once; KEYS: four times those; SLOTS: scores that an invocation
// sums up, 16 / LANES; WEIGHTS: those of all.
//#const SLOTS
//#const WEIGHTS
//#import lib/attention_decode_dims

var<workgroup> weight: array<f32, WEIGHTS>;         // [teams][KEYS][4]
var<workgroup> most_of: array<f32, 64>;             // of the scores of an invocation
var<workgroup> sum_of: array<f32, 64>;              // of its weights
var<workgroup> shrink: array<f32, 8>;               // [teams][4], by the last tile

// Where the partial score of a key stands in partial, [teams][KEYS][LANES]: those who read them side by side are
// kept apart.
fn partial_at(team_key: u32, lane: u32) -> u32 {
    return team_key * LANES + (lane + team_key) % LANES;
}

fn weights_at(team_key: u32) -> vec4<f32> {
    let at = team_key * 4u;
    return vec4<f32>(weight[at], weight[at + 1u], weight[at + 2u], weight[at + 3u]);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let own_part = number / p.kv_heads;
    if (own_part >= p.splits) {
        return;
    }
    let mid = list_mid();
    let length = list_length();
    let first = own_part * p.split;

    let team = i / TEAM;
    let lane = i % LANES;
    let piece = min(lane, HALF - 1u); // behind the last, the last again
    let row = (i % TEAM) / LANES;
    let key = team * KEYS + row; // of the first round, among those of all teams

    // Of the scores that this invocation sums up, all of one head.
    let g = i % 4u;
    let slot = team * KEYS + (i % TEAM) / 4u;
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
    for (var r = 0u; r < 4u; r++) {
        value[r] = v[at[r] * HALF + piece];
    }

    var own: array<vec4<f32>, 8>; // the query's dimensions, of four heads each
    var o: array<vec4<f32>, 8>;   // the result's
    var largest = LOWEST; // of the head's scores so far
    var sum = 0.0;        // of this invocation's weights
    var base = first;     // of the block
    for (var tile = first; tile < length;) {
        if (tile == base) {
            let position = length - 1u - base;
            own = query(kv, team, lane, length - 1u - base);
        }

        let place = tile - base + row;
        let last = length - 1u; // of the table's positions at least
        for (var r = 0u; r < 4u; r++) {
            partial[partial_at(key + r * ROWS, lane)] = product(own, rotated(low[r], high[r], min(place + r * ROWS, last), piece));
        }
        var next = tile + KEYS;
        if (next == base + p.split) {
            base += p.splits * p.split;
            next = base;
        }
        if (next < length) {
            for (var r = 0u; r < 4u; r++) {
                at[r] = head_at(next + row + r * ROWS, mid, length, kv);
                low[r] = k[at[r] * VECS + piece];
                high[r] = k[at[r] * VECS + HALF + piece];
            }
        }
        workgroupBarrier();

        // A slot is one score: of a head and an entry of the tile.
        var score: array<f32, SLOTS>;
        var most = LOWEST;
        for (var s = 0u; s < SLOTS; s++) {
            let own_slot = slot + s * (TEAM / 4u);
            score[s] = LOWEST;
            if (tile + own_slot - team * KEYS < length) {
                var total = 0.0;
                for (var l = 0u; l < LANES; l++) {
                    total += partial[partial_at(own_slot, l)][g];
                }
                score[s] = total * scale;
            }
            most = max(most, score[s]);
        }
        most_of[i] = most;
        workgroupBarrier();
        most = largest;
        for (var j = 0u; j < TEAM / 4u; j++) {
            most = max(most, most_of[team * TEAM + j * 4u + g]);
        }
        let less = exp(largest - most);
        largest = most;
        sum *= less;
        if (i % TEAM < 4u) {
            shrink[team * 4u + g] = less;
        }
        for (var s = 0u; s < SLOTS; s++) {
            let own_slot = slot + s * (TEAM / 4u);
            var w = 0.0;
            if (tile + own_slot - team * KEYS < length) {
                w = exp(score[s] - largest);
            }
            weight[own_slot * 4u + g] = w;
            sum += w;
        }
        workgroupBarrier();

        let before = vec4<f32>(shrink[team * 4u], shrink[team * 4u + 1u], shrink[team * 4u + 2u], shrink[team * 4u + 3u]);
        if (any(before != vec4<f32>(1.0))) {
            for (var e = 0u; e < 8u; e++) {
                o[e] *= before;
            }
        }
        for (var r = 0u; r < 4u; r++) {
            add_value(&o, weights_at(key + r * ROWS), value[r]);
        }
        if (next < length) {
            for (var r = 0u; r < 4u; r++) {
                value[r] = v[at[r] * HALF + piece];
            }
        }
        tile = next;
    }

    sum_of[i] = sum;
    write_results(i, team, row, lane, own_part, kv, o);
    let head = team * SHARE + g;
    if (i % TEAM < 4u && g < SHARE && head < GROUP) {
        var total = 0.0;
        for (var j = 0u; j < TEAM / 4u; j++) {
            total += sum_of[team * TEAM + j * 4u + g];
        }
        let to = (own_part * p.heads + kv * GROUP + head) * (HEAD_DIM + 2u) + HEAD_DIM;
        part[to] = largest;
        part[to + 1u] = total;
    }
}
