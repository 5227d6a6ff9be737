// attention_decode where the invocations that share a key are of one subgroup: what
// they have of its scores they exchange without memory, and nothing waits for the
// rest of the workgroup. Bindings, results and who works on what are those of
// lib/attention_decode; but the LANES invocations that share keys have a largest
// score and a sum of their own, as do other parts of the list, and are put together
// at the end.
//
// Four keys' scores of four heads, of which each invocation has what its dimensions
// add: halves of the invocations take two keys each and give the others away, and so
// once more, until an invocation sums up one key's.
//#import lib/attention_decode_dims

var<workgroup> most_of: array<vec4<f32>, 16>; // [teams][ROWS], of four heads
var<workgroup> sum_of: array<vec4<f32>, 16>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32, @builtin(subgroup_invocation_id) in_subgroup: u32) {
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
    let scale = 1.0 / sqrt(f32(HEAD_DIM));

    // Of the four keys of a round, the one that this invocation sums up.
    let upper = (lane & (LANES / 2u)) != 0u;
    let odd = (lane & (LANES / 4u)) != 0u;
    let own_key = row + (2u * u32(upper) + u32(odd)) * ROWS;
    let lane0 = in_subgroup - lane;

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
    var most = vec4<f32>(LOWEST); // of the heads' scores so far
    var sum = vec4<f32>();        // of weights
    var base = first;             // of the block
    for (var tile = first; tile < length;) {
        if (tile == base) {
            own = query(kv, team, lane, length - 1u - base);
        }
        let place = tile - base + row;
        let last = length - 1u; // of the table's positions at least
        var s: array<vec4<f32>, 4>;
        for (var r = 0u; r < 4u; r++) {
            s[r] = product(own, rotated(low[r], high[r], min(place + r * ROWS, last), piece));
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

        let even_key = select(s[0], s[2], upper) + subgroupShuffleXor(select(s[2], s[0], upper), LANES / 2u);
        let odd_key = select(s[1], s[3], upper) + subgroupShuffleXor(select(s[3], s[1], upper), LANES / 2u);
        var score = select(even_key, odd_key, odd) + subgroupShuffleXor(select(odd_key, even_key, odd), LANES / 4u);
        for (var mask = LANES / 8u; mask > 0u; mask /= 2u) {
            score += subgroupShuffleXor(score, mask);
        }
        let there = tile + own_key < length;
        score = select(vec4<f32>(LOWEST), score * scale, there);
        var largest = max(most, score);
        largest = max(largest, subgroupShuffleXor(largest, LANES / 2u));
        largest = max(largest, subgroupShuffleXor(largest, LANES / 4u));
        let weight = select(vec4<f32>(), exp(score - largest), there);
        if (any(largest != most)) {
            let less = exp(most - largest);
            sum *= less;
            for (var e = 0u; e < 8u; e++) {
                o[e] *= less;
            }
            most = largest;
        }
        for (var r = 0u; r < 4u; r++) {
            let w = subgroupShuffle(weight, lane0 + (r / 2u) * (LANES / 2u) + (r % 2u) * (LANES / 4u));
            sum += w;
            add_value(&o, w, value[r]);
        }
        if (next < length) {
            for (var r = 0u; r < 4u; r++) {
                value[r] = v[at[r] * HALF + piece];
            }
        }
        tile = next;
    }

    if (lane == 0u) {
        most_of[i / LANES] = most;
    }
    workgroupBarrier();
    var largest = vec4<f32>(LOWEST);
    for (var r = 0u; r < ROWS; r++) {
        largest = max(largest, most_of[team * ROWS + r]);
    }
    let less = exp(most - largest);
    for (var e = 0u; e < 8u; e++) {
        o[e] *= less;
    }
    if (lane == 0u) {
        sum_of[i / LANES] = sum * less;
    }
    write_results(i, team, row, lane, own_part, kv, o);
    let g = i % 4u;
    let head = team * SHARE + g;
    if (i % TEAM < 4u && g < SHARE && head < GROUP) {
        var total = 0.0;
        for (var r = 0u; r < ROWS; r++) {
            total += sum_of[team * ROWS + r][g];
        }
        let to = (own_part * p.heads + kv * GROUP + head) * (HEAD_DIM + 2u) + HEAD_DIM;
        part[to] = largest[g];
        part[to + 1u] = total;
    }
}
