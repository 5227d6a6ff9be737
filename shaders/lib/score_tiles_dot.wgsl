// lib/score_tiles where four bytes are multiplied with four others at once: scores are
// sums of whole numbers, so that no value of the index becomes a float.
//
// A head's probe becomes whole numbers, for int4 of 8 bits, 127 steps to its largest
// value, for int8 of 16 bits, 32512 = 127 * 256 steps, and those two signed bytes each:
// 256 * high + low. So a word of the index takes one product for a head, or two. Sums of
// 128 such products with bytes stay below 2^30, and are exact in any order.
//
// A unit is the part of a head's probe that a vector of the index meets, or of int4 one
// half of its bytes: vectors 4 * HALVES of the probe apart begin one.
//
// AHEAD: 1 of keys with several scales; ROUND: candidates of a workgroup in one of
// p.rounds, a multiple of INVOCATIONS * KEYS; VECTORS: vectors of a key; UNITS: VECTORS *
// HALVES * GROUP; VECTOR_BYTES: PROBE_BYTES * HALVES * GROUP; SUMS: GROUP * KEYS.
//#const AHEAD
//#const ROUND
//#const VECTORS
//#const UNITS
//#const VECTOR_BYTES
//#const SUMS
//#import lib/tiles
//#import lib/probe_steps

// The probes as vectors of keys find them, [vectors of a key][HALVES][GROUP], the high
// bytes and the low ones, if there are two. Arrays of arrays: see lib/score_tiles.
var<workgroup> probe: array<array<vec4<u32>, VECTOR_BYTES>, VECTORS>;
var<workgroup> steps: array<f32, GROUP>; // of the scores, p.scale in them

// A sum with 16 products of bytes more: one after the other, as a product adds to a sum.
fn added(sum: i32, a: vec4<u32>, b: vec4<u32>) -> i32 {
    let x = sum + dot4I8Packed(a.x, b.x);
    let y = x + dot4I8Packed(a.y, b.y);
    let z = y + dot4I8Packed(a.z, b.z);
    return z + dot4I8Packed(a.w, b.w);
}

// Where the key of a candidate stands; behind the last one it is read again.
fn key_of(token: u32, end: u32, kv: u32) -> Place {
    return place_of(p.lo + min(token, end - 1u), kv);
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) i: u32) {
    let number = group_index(id, groups);
    let kv = number % p.kv_heads;
    let block = number / p.kv_heads;
    let first = block * ROUND * p.rounds;
    if (state[STATE_HIT] != 0u || first >= p.n) {
        return;
    }
    let own_head = i % GROUP;
    let own_half = i / GROUP % HALVES;
    let own_vector = i / GROUP / HALVES;
    var own: array<vec4<f32>, 4>;
    if (i < UNITS) {
        var bits = 0u;
        for (var w = 0u; w < 4u; w++) {
            own[w] = probe_at(kv * GROUP + own_head, (own_vector * 4u + w) * HALVES + own_half);
            bits = max(bits, magnitude(own[w]));
        }
        atomicMax(&largest[own_head], bits);
    }
    workgroupBarrier();
    if (i < UNITS) {
        let bits = atomicLoad(&largest[own_head]);
        let inverse = inverse_of(bits);
        let at = PROBE_BYTES * (own_half * GROUP + own_head);
        var high: vec4<u32>;
        var low: vec4<u32>;
        for (var w = 0u; w < 4u; w++) {
            let whole = vec4<i32>(round(own[w] * inverse));
            low[w] = pack4xI8(whole); // of 16 bits the lowest byte of each, as a signed one
            high[w] = pack4xI8((whole + 128) >> vec4<u32>(8u));
        }
        probe[own_vector][at] = low;
        if (PROBE_BYTES == 2u) {
            probe[own_vector][at + 1u] = high;
        }
        if (i < GROUP) {
            steps[i] = bitcast<f32>(bits) / PROBE_STEPS * p.scale * VALUE;
        }
    }
    workgroupBarrier();

    let end = min(first + ROUND * p.rounds, p.n);
    // Of keys with several scales a vector is asked for while the one before it is worked
    // on, in a loop whose turns no compiler counts: unrolled, all of a key's would be asked
    // for at once, whose registers leave room for fewer workgroups (p.n is never 0 here,
    // so there are BLOCKS turns). The vectors of a key with one scale are best asked for at
    // once.
    let blocks = select(BLOCKS, BLOCKS * min(p.n, 1u), AHEAD == 1u);
    var next: array<vec4<u32>, KEYS>;
    if (AHEAD == 1u) {
        for (var u = 0u; u < KEYS; u++) {
            next[u] = k[key_of(first + u * INVOCATIONS + i, end, kv).key];
        }
    }
    var most: array<f32, GROUP>; // of the scores of this invocation
    var sum: array<f32, GROUP>;
    for (var g = 0u; g < GROUP; g++) {
        most[g] = LOWEST;
        sum[g] = 0.0;
    }
    for (var from_token = first; from_token < end; from_token += INVOCATIONS * KEYS) {
        var at: array<u32, KEYS>;
        var at_scale: array<u32, KEYS>;
        var after: array<u32, KEYS>; // the keys of the next turn
        for (var u = 0u; u < KEYS; u++) {
            let token = from_token + u * INVOCATIONS + i;
            let place = key_of(token, end, kv);
            at[u] = place.key;
            at_scale[u] = place.scale;
            after[u] = key_of(token + INVOCATIONS * KEYS, end, kv).key;
        }
        var scores: array<f32, SUMS>; // [KEYS][GROUP], in steps
        for (var s = 0u; s < SUMS; s++) {
            scores[s] = 0.0;
        }
        for (var b = 0u; b < blocks; b++) {
            var sums: array<i32, SUMS>;
            for (var s = 0u; s < SUMS; s++) {
                sums[s] = 0;
            }
            for (var c = b * CHUNKS; c < (b + 1u) * CHUNKS; c++) {
                var words: array<vec4<u32>, KEYS>;
                for (var u = 0u; u < KEYS; u++) {
                    if (AHEAD == 1u) {
                        words[u] = next[u];
                        next[u] = k[select(at[u] + (c + 1u) * TILE, after[u], c == VECTORS - 1u)];
                    } else {
                        words[u] = k[at[u] + c * TILE];
                    }
                }
                for (var half = 0u; half < HALVES; half++) {
                    var bytes: array<vec4<u32>, KEYS>;
                    for (var u = 0u; u < KEYS; u++) {
                        bytes[u] = bytes_of(words[u], half);
                    }
                    for (var g = 0u; g < GROUP; g++) {
                        let low = probe[c][PROBE_BYTES * (half * GROUP + g)];
                        for (var u = 0u; u < KEYS; u++) {
                            let x = bytes[u];
                            sums[u * GROUP + g] = added(sums[u * GROUP + g], low, x);
                        }
                        if (PROBE_BYTES == 2u) {
                            // Sums of high bytes live for a vector only: a register a key
                            // and head instead of two, for a shift a vector.
                            let high = probe[c][PROBE_BYTES * (half * GROUP + g) + 1u];
                            for (var u = 0u; u < KEYS; u++) {
                                let x = bytes[u];
                                let more = added(0, high, x);
                                sums[u * GROUP + g] += more << 8u;
                            }
                        }
                    }
                }
            }
            for (var u = 0u; u < KEYS; u++) {
                let scale = scale_of(at_scale[u], b);
                for (var g = 0u; g < GROUP; g++) {
                    scores[u * GROUP + g] += f32(sums[u * GROUP + g]) * scale;
                }
            }
        }
        for (var g = 0u; g < GROUP; g++) {
            let own_step = steps[g];
            var more = most[g];
            for (var u = 0u; u < KEYS; u++) {
                scores[u * GROUP + g] *= own_step;
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
