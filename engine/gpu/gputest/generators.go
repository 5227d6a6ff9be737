package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/kernels"
)

// generators draw a random case each. Together they cover every kernel, which a
// test holds them to. What a case holds is bounded by a few MiB.
var generators = []struct {
	name string
	make func(d draw) Case
}{
	{"add", func(d draw) Case { return addCase(d.size(9000), d.size(3000)) }},
	{"swiglu", func(d draw) Case { return swigluCase(d.size(100), d.size(2100), 3) }},
	{"argmax", func(d draw) Case {
		v, n := d.pattern(votes), d.size(40000)
		return Case{fmt.Sprintf("argmax/%s values, %d", v.name, n), func(rng *rand.Rand) Plan { return argmaxPlan(Floats(v.values(rng, n)...)) }}
	}},
	{"kv_append_f16", func(d draw) Case { return d.append(kernels.CacheF16) }},
	{"kv_append_f32", func(d draw) Case { return d.append(kernels.CacheF32) }},
	{"rms_norm", func(d draw) Case {
		rows, cols, offset, sigma := d.size(70), d.size(2100), d.upTo(600), []float64{1, 1, 1e15, 1e-15}[d.IntN(4)]
		return rmsNormCase(fmt.Sprintf("%dx%d from %d, times %g", rows, cols, offset, sigma), rows, cols, offset, sigma, 1e-5)
	}},
	{"head_norm", func(d draw) Case { return headNormCase(d.size(70), d.size(16), d.size(300), d.upTo(70), d.upTo(70)) }},
	{"rope", func(d draw) Case {
		return ropeCase(d.size(70), d.size(16), 2*d.size(128), d.upTo(70), d.upTo(600), d.upTo(300), d.IntN(2) == 0)
	}},
	{"mean_rows", func(d draw) Case { return meanRowsCase(d.size(520), d.size(1030)) }},
	{"embed_f32", func(d draw) Case { return d.embed(kernels.F32) }},
	{"embed_f16", func(d draw) Case { return d.embed(kernels.F16) }},
	{"embed_q8_0", func(d draw) Case { return d.embed(kernels.Q8_0) }},
	{"embed_q4_0", func(d draw) Case { return d.embed(kernels.Q4_0) }},
	{"embed_q4_1", func(d draw) Case { return d.embed(kernels.Q4_1) }},
	{"matvec_any_f32", func(d draw) Case { return d.multiply(kernels.F32, 1, false) }},
	{"matmul_any_f32", func(d draw) Case { return d.multiply(kernels.F32, 1+d.size(129), false) }},
	{"matvec_any_f16", func(d draw) Case { return d.multiply(kernels.F16, 1, false) }},
	{"matmul_any_f16", func(d draw) Case { return d.multiply(kernels.F16, 1+d.size(129), false) }},
	{"matvec_f16", func(d draw) Case { return d.multiply(kernels.F16, 1, true) }},
	{"matmul_f16", func(d draw) Case { return d.multiply(kernels.F16, 1+d.size(129), true) }},
	{"matmul_large_f16", func(d draw) Case { return d.multiplyLarge(kernels.F16) }},
	{"matvec_q8_0", func(d draw) Case { return d.multiply(kernels.Q8_0, 1, true) }},
	{"matmul_q8_0", func(d draw) Case { return d.multiply(kernels.Q8_0, 1+d.size(129), true) }},
	{"matmul_large_q8_0", func(d draw) Case { return d.multiplyLarge(kernels.Q8_0) }},
	{"matvec_q4_0", func(d draw) Case { return d.multiply(kernels.Q4_0, 1, true) }},
	{"matmul_q4_0", func(d draw) Case { return d.multiply(kernels.Q4_0, 1+d.size(129), true) }},
	{"matmul_large_q4_0", func(d draw) Case { return d.multiplyLarge(kernels.Q4_0) }},
	{"matvec_q4_1", func(d draw) Case { return d.multiply(kernels.Q4_1, 1, true) }},
	{"matmul_q4_1", func(d draw) Case { return d.multiply(kernels.Q4_1, 1+d.size(129), true) }},
	{"matmul_large_q4_1", func(d draw) Case { return d.multiplyLarge(kernels.Q4_1) }},
	{"norm_matvec_f16", func(d draw) Case { return d.project(kernels.F16) }},
	{"norm_matvec_q8_0", func(d draw) Case { return d.project(kernels.Q8_0) }},
	{"norm_matvec_q4_0", func(d draw) Case { return d.project(kernels.Q4_0) }},
	{"norm_matvec_q4_1", func(d draw) Case { return d.project(kernels.Q4_1) }},
	{"paged_dot_f16", func(d draw) Case { return d.pagedDot(kernels.CacheF16) }},
	{"paged_dot_f32", func(d draw) Case { return d.pagedDot(kernels.CacheF32) }},
	{"score_stats_f16", func(d draw) Case { return d.scored(kernels.CacheF16) }},
	{"score_stats_f32", func(d draw) Case { return d.scored(kernels.CacheF32) }},
	{"score_stats_i8", func(d draw) Case {
		return scored{0, kernels.IndexI8, d.one(tiles...), 1 + d.IntN(3), 1 + d.IntN(8), 16 * d.size(8), d.upTo(300), d.size(3000), d.IntN(8) / 7, d.IntN(2) == 0, nil}.toCase()
	}},
	{"score_stats_i4", func(d draw) Case {
		return scored{0, kernels.IndexI4, d.one(tiles...), 1 + d.IntN(3), 1 + d.IntN(8), 64 * d.size(2), d.upTo(300), d.size(3000), d.IntN(8) / 7, d.IntN(2) == 0, nil}.toCase()
	}},
	{"key_index_i8", func(d draw) Case {
		return keyIndexCase(kernels.IndexI8, d.one(tiles...), d.size(130), d.size(9), 16*d.size(8), d.upTo(300), 1)
	}},
	{"key_index_i4", func(d draw) Case {
		return keyIndexCase(kernels.IndexI4, d.one(tiles...), d.size(130), d.size(9), 64*d.size(2), d.upTo(300), 1)
	}},
	{"soft_vote_hist", func(d draw) Case {
		return voteHistCase(scores[0], d.size(40), d.size(3000), d.IntN(kernels.MaxHalf+1)*d.IntN(2), d.IntN(8)/7)
	}},
	{"top_k_border", func(d draw) Case {
		n := d.size(9000)
		return topKBorderCase(d.pattern(votes), n, d.size(n), d.upTo(300))
	}},
	{"vote", func(d draw) Case { return voteCase(d.pattern(scores), d.size(40), d.size(5000), d.IntN(8)/7) }},
	{"head_stats", func(d draw) Case { return headStatsCase(scores[0], d.size(40), d.size(5000), d.IntN(8)/7) }},
	{"head_cut", func(d draw) Case {
		n := d.size(9000)
		return headCutCase(d.pattern(votes), 1+d.IntN(9), n, d.size(n), d.IntN(8)/7)
	}},
	{"vote_sum", func(d draw) Case {
		return voteSumCase(scores[0], d.IntN(len(modes)), 1+d.IntN(9), d.size(3000), d.IntN(8)/7, false)
	}},
	{"probes", func(d draw) Case {
		rows := d.size(300)
		return probesCase(rows, 1+d.IntN(4), 1+d.IntN(8), d.head(), d.size(rows), 1+d.IntN(8), d.upTo(70), d.IntN(2) == 0)
	}},
	{"max_pool", func(d draw) Case { return maxPoolCase(d.size(3000), 1+d.IntN(4), d.upTo(30)) }},
	{"round_bf16", func(d draw) Case { return roundCase(d.pattern(votes), d.size(3000)) }},
	{"top_k", func(d draw) Case {
		n := d.size(9000)
		return topKCase(d.pattern(votes), n, d.size(n), d.upTo(300))
	}},
	{"selection_cache", func(d draw) Case {
		steps, hi := make([]cacheStep, d.size(12)), 1000
		for i := range steps {
			c := 1
			if d.IntN(8) == 0 {
				c = d.size(64)
			}
			hi += c + d.upTo(3)
			steps[i] = cacheStep{d.IntN(4), c, hi}
		}
		k, slide := d.size(300), d.size(40)
		return selectionCacheCase(fmt.Sprintf("steps %v, k %d, slide %d", steps, k, slide), d.size(1100), k, slide, steps)
	}},
	{"attention_decode_f16", func(d draw) Case { return d.attention(kernels.CacheF16, 1) }},
	{"attention_decode_f32", func(d draw) Case { return d.attention(kernels.CacheF32, 1) }},
	{"attention_chunk_f16", func(d draw) Case { return d.attention(kernels.CacheF16, 1+d.size(129)) }},
	{"attention_chunk_f32", func(d draw) Case { return d.attention(kernels.CacheF32, 1+d.size(129)) }},
	{"attention_lists_f16", func(d draw) Case { return d.lists(kernels.CacheF16) }},
	{"attention_lists_f32", func(d draw) Case { return d.lists(kernels.CacheF32) }},
	{"page_bounds_f16", func(d draw) Case { return d.pageBounds(kernels.CacheF16) }},
	{"page_bounds_f32", func(d draw) Case { return d.pageBounds(kernels.CacheF32) }},
	{"page_scores", func(d draw) Case { return pageScoresCase(1+d.IntN(3), 1+d.IntN(8), d.head(), d.size(300)) }},
	{"top_lists", func(d draw) Case {
		return topListsCase(d.pattern(votes), d.size(9), d.size(3000), d.size(300), d.size(20), d.upTo(100), d.upTo(9))
	}},
	{"follow_scores_f16", func(d draw) Case { return d.follow(kernels.CacheF16) }},
	{"follow_scores_f32", func(d draw) Case { return d.follow(kernels.CacheF32) }},
	{"representatives", func(d draw) Case {
		block := d.size(130)
		return representativesCase(d.pattern(votes), d.size(9), d.upTo(9), d.size(40), block, d.size(min(block, 9)), d.upTo(100))
	}},
	{"block_scores_f16", func(d draw) Case {
		return blockScoresCase(kernels.CacheF16, 1+d.IntN(3), 1+d.IntN(8), d.head(), d.size(300), d.size(200), d.size(6))
	}},
	{"block_scores_f32", func(d draw) Case {
		return blockScoresCase(kernels.CacheF32, 1+d.IntN(3), 1+d.IntN(8), d.head(), d.size(300), d.size(200), d.size(6))
	}},
	{"window_mass_f16", func(d draw) Case { return d.window(kernels.CacheF16) }},
	{"window_mass_f32", func(d draw) Case { return d.window(kernels.CacheF32) }},
	{"gather_rows", func(d draw) Case {
		s := gathered{t: d.cache(), kvHeads: 1 + d.IntN(4), d: d.head(), c: d.size(130)}
		s.n = s.c + d.upTo(700)
		s.a, s.mid = d.attended(s.n, s.c)
		return s.toCase()
	}},
	{"ceiling_read", func(d draw) Case { return readCase(d.size(20000)) }},
	{"ceiling_multiply_add", func(d draw) Case { return multiplyAddCase(d.size(5000), d.upTo(8)) }},
}

func (d draw) append(t kernels.CacheType) Case {
	rows, row0 := d.size(130), d.upTo(600)
	return appended{rows, 2 * d.size(500), d.upTo(600), d.upTo(70), row0, row0 + rows + d.upTo(30)}.toCase(t)
}

// embed has some ids beyond the table, whose rows are left alone.
func (d draw) embed(kind kernels.WeightType) Case {
	m, n := d.matrix(kind, 1<<18), d.size(130)
	return m.embedCase(fmt.Sprintf("%d rows of %d in %v, %d tokens", m.rows, m.cols, m.shards, n), func(rng *rand.Rand) []uint32 {
		ids := m.someIDs(rng, n)
		for i := range ids {
			if rng.IntN(8) == 0 {
				ids[i] += []uint32{uint32(m.rows), 1 << 31}[rng.IntN(2)]
			}
		}
		return ids
	})
}

// multiply has rows of whole blocks, or of any length.
func (d draw) multiply(kind kernels.WeightType, rows int, whole bool) Case {
	m, offset := d.matrix(kind, 1<<18), 0
	if d.IntN(3) == 0 {
		offset = d.upTo(600)
	}
	if whole {
		m.cols, offset = (m.cols+31)/32*32, offset&^3
	} else if m.cols%32 == 0 && offset%4 == 0 {
		offset++
	}
	c := m.multiplyCase(rows, offset)
	c.Name += fmt.Sprintf(" in %v from %d", m.shards, offset)
	return c
}

func (d draw) project(kind kernels.WeightType) Case {
	m := d.matrix(kind, 1<<18)
	m.cols = min((m.cols+31)/32*32, 2048)
	p := projection{m, 1, d.upTo(600) &^ 3, d.IntN(2) == 0, false}
	if d.IntN(2) == 0 {
		p.rows += p.rows % 2
		p.shards, p.bias, p.gate = []int{p.rows}, false, true
	}
	return p.toCase("")
}

func (d draw) multiplyLarge(kind kernels.WeightType) Case {
	m := d.matrix(kind, 1<<18)
	m.cols = (m.cols + 31) / 32 * 32
	return m.largeCase(d.size(130), d.upTo(600)&^3)
}

func (d draw) scored(t kernels.CacheType) Case {
	return scored{t, kernels.IndexNone, 0, 1 + d.IntN(3), 1 + d.IntN(8), d.head(), d.upTo(300), d.size(3000), d.IntN(8) / 7, d.IntN(2) == 0, nil}.toCase()
}

func (d draw) pagedDot(t kernels.CacheType) Case {
	return pagedDotCase(t, 1+d.IntN(4), 1+d.IntN(8), d.head(), d.upTo(100), d.size(1500), d.IntN(8)/7)
}

func (d draw) attention(t kernels.CacheType, c int) Case {
	s := attention{t: t, kvHeads: 1 + d.IntN(3), group: 1 + d.IntN(8), d: d.head(), c: c, scale: []float64{1, 1, 1e-20, 10}[d.IntN(4)]}
	past := min(9000, 1<<19/(s.kvHeads*s.d)) // some MiB of keys and values
	if c > 1 {
		past = 500 // the twin takes all pairs
		s.splits = d.one(1, 1, 2, 3, 9)
	}
	s.n = c + d.upTo(past)
	s.a, s.mid = d.attended(s.n, c)
	if c > 1 && !s.a.UseMid && d.IntN(3) == 0 {
		s.a.Sliding = d.size(500)
	}
	return Case{s.name(), s.plan}
}
