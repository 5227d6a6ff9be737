// Scores the candidates from the key index and finds what the softmax of the soft
// vote needs of them: what lib/score_stats does, for an index in tiles.
// score[h][t] = probe[h] * scale . K[lo + t][h / GROUP], and for each head and
// block of candidates the largest score m and the sum of exp(score - m) (paper,
// eq. 7 and Algorithm 2).
//
// q, table: lib/score_stats; k, key_scale, score, stats: lib/tiles.
// A workgroup takes a block, p.rounds times INVOCATIONS * KEYS candidates, of one
// key head and all its query heads. An invocation has KEYS whole keys at a time,
// so that nothing is summed up between invocations, and neighbours have rows that
// stand side by side; a vector of the probes, once read from workgroup memory,
// serves all keys of an invocation. The order of the sum is the same for all
// candidates, so equal keys get equal scores. A NaN makes its block's sum NaN.
// Writes nothing on a hit.
//
// A probe of int4 keys has whole numbers of 8 bits, 127 steps to its largest value, so
// that scores are the same wherever bytes are multiplied with bytes.
//
// Values become floats by their bits, at two operations each: see lib/values_i8
// and lib/values_i4. Such a float is 1 more than a multiple of the value plus
// what makes it positive; what that adds to a sum depends on the probe alone, is
// worked out once, as base, and is where sums start from.
//
// VECTORS: vectors of a key; VECS: vectors of four floats in a word; PROBE_VECS:
// GROUP * d / 4; VECTOR_PROBES: of them, those that meet a vector; BASES: GROUP *
// BLOCKS; SUMS: GROUP * KEYS.
//#const PROBE_VECS
//#const VECTORS
//#const VECTOR_PROBES
//#const BASES
//#const SUMS
//#import lib/tiles
//#import lib/probe_steps

// The probes as vectors of keys find them, [vectors of a key][VECS * 4][GROUP], in
// the units of the values. Arrays of arrays, because an index that is a constant
// once loops are unrolled is not held against a size, as others are.
var<workgroup> probe: array<array<vec4<f32>, VECTOR_PROBES>, VECTORS>;
var<workgroup> base: array<array<f32, GROUP>, BLOCKS>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let block = number / p.kv_heads;
    let first = block * (INVOCATIONS * KEYS) * p.rounds;
    if (state[STATE_HIT] != 0u || first >= p.n) {
        return;
    }
    for (var at = i; at < PROBE_VECS; at += INVOCATIONS) {
        let own = probe_at(kv * GROUP + at % GROUP, at / GROUP);
        probe[at / VECTOR_PROBES][at % VECTOR_PROBES] = own;
        if (PROBE_STEPS > 0.0) {
            atomicMax(&largest[at % GROUP], magnitude(own));
        }
    }
    if (PROBE_STEPS > 0.0) {
        workgroupBarrier();
    }
    for (var at = i; at < PROBE_VECS; at += INVOCATIONS) {
        var own = probe[at / VECTOR_PROBES][at % VECTOR_PROBES];
        if (PROBE_STEPS > 0.0) {
            let bits = atomicLoad(&largest[at % GROUP]);
            own = round(own * inverse_of(bits)) * (bitcast<f32>(bits) / PROBE_STEPS);
        }
        probe[at / VECTOR_PROBES][at % VECTOR_PROBES] = own * (p.scale * unit(at / GROUP));
    }
    workgroupBarrier();
    if (i < BASES) {
        let vecs = HEAD_DIM / 4u / BLOCKS;
        var sum = 0.0;
        for (var j = 0u; j < vecs; j++) {
            let at = ((i / GROUP) * vecs + j) * GROUP + i % GROUP;
            sum += dot(probe[at / VECTOR_PROBES][at % VECTOR_PROBES], vec4<f32>(zero(j)));
        }
        base[i / GROUP][i % GROUP] = -sum;
    }
    workgroupBarrier();

    let end = min(first + INVOCATIONS * KEYS * p.rounds, p.n);
    var most: array<f32, GROUP>; // of the scores of this invocation
    var sum: array<f32, GROUP>;
    for (var g = 0u; g < GROUP; g++) {
        most[g] = LOWEST;
        sum[g] = 0.0;
    }
    for (var from_token = first; from_token < end; from_token += INVOCATIONS * KEYS) {
        // Behind the last candidate it is read again.
        var at: array<u32, KEYS>;
        var at_scale: array<u32, KEYS>;
        for (var u = 0u; u < KEYS; u++) {
            let place = place_of(p.lo + min(from_token + u * INVOCATIONS + i, end - 1u), kv);
            at[u] = place.key;
            at_scale[u] = place.scale;
        }
        var scores: array<f32, SUMS>; // [KEYS][GROUP]
        for (var s = 0u; s < SUMS; s++) {
            scores[s] = 0.0;
        }
        for (var b = 0u; b < BLOCKS; b++) {
            var sums: array<f32, SUMS>;
            for (var u = 0u; u < KEYS; u++) {
                for (var g = 0u; g < GROUP; g++) {
                    sums[u * GROUP + g] = base[b][g];
                }
            }
            for (var c = b * CHUNKS; c < (b + 1u) * CHUNKS; c++) {
                var words: array<vec4<u32>, KEYS>;
                for (var u = 0u; u < KEYS; u++) {
                    words[u] = k[at[u] + c * TILE];
                }
                for (var w = 0u; w < 4u; w++) {
                    for (var v = 0u; v < VECS; v++) {
                        var values: array<vec4<f32>, KEYS>;
                        for (var u = 0u; u < KEYS; u++) {
                            values[u] = values_of(words[u][w], v);
                        }
                        for (var g = 0u; g < GROUP; g++) {
                            let own = probe[c][(w * VECS + v) * GROUP + g];
                            for (var u = 0u; u < KEYS; u++) {
                                let x = values[u];
                                sums[u * GROUP + g] = fma(own.w, x.w, fma(own.z, x.z, fma(own.y, x.y, fma(own.x, x.x, sums[u * GROUP + g]))));
                            }
                        }
                    }
                }
            }
            for (var u = 0u; u < KEYS; u++) {
                let scale = scale_of(at_scale[u], b);
                for (var g = 0u; g < GROUP; g++) {
                    scores[u * GROUP + g] += sums[u * GROUP + g] * scale;
                }
            }
        }
        for (var g = 0u; g < GROUP; g++) {
            var more = most[g];
            for (var u = 0u; u < KEYS; u++) {
                more = max(more, scores[u * GROUP + g]);
            }
            sum[g] *= exp(most[g] - more);
            most[g] = more;
            for (var u = 0u; u < KEYS; u++) {
                let token = from_token + u * INVOCATIONS + i;
                if (token < end) {
                    sum[g] += weight_of(kv * GROUP + g, token, scores[u * GROUP + g], more);
                }
            }
        }
    }

    for (var g = 0u; g < GROUP; g++) {
        lane_stats[g * INVOCATIONS + i] = vec2<f32>(most[g], sum[g]);
    }
    write_stats(kv, block, i);
}
