package gputest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() {
	register(pagedDotCases)
	register(voteCases)
	register(topKCases)
	register(selectionCacheCases)
	register(pipelineCases)
}

// state is a layer's selection state, of which hit and mid matter to the
// kernels that read it.
func state(hit, mid int) Buffer { return In("state", Words(1, 77, uint32(hit), uint32(mid), 0, 5, 6)) }

// cacheData is n values of keys or values as t stores them.
func cacheData(rng *rand.Rand, t kernels.CacheType, n int) []byte {
	if t == kernels.CacheF32 {
		return Normal(rng, n, 1)
	}
	return Halves(rng, n, 1)
}

// bothCaches calls add for each storage type.
func bothCaches(add func(t kernels.CacheType)) {
	add(kernels.CacheF16)
	add(kernels.CacheF32)
}

func pagedDotCase(t kernels.CacheType, kvHeads, group, d, lo, n, hit int) Case {
	heads := kvHeads * group
	name := fmt.Sprintf("paged_dot_%v/%d heads on %d of %d, %d keys from %d, hit %d", t, heads, kvHeads, d, n, lo, hit)
	return Case{name, func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{
				In("probe", Normal(rng, heads*d, 1)), In("k", cacheData(rng, t, (lo+n)*kvHeads*d)), state(hit, 0),
				Out("score", heads*n, sums("paged_dot", float64(d)/6)),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.PagedDot(r, t, b[0], b[1], b[2], b[3], heads, kvHeads, d, lo, n, 1.5)
			},
		}
	}}
}

func pagedDotCases() (cases []Case) {
	add := func(t kernels.CacheType, kvHeads, group, d, lo, n, hit int) {
		cases = append(cases, pagedDotCase(t, kvHeads, group, d, lo, n, hit))
	}
	bothCaches(func(t kernels.CacheType) {
		for _, d := range []int{16, 64, 80, 96, 128} {
			for _, group := range []int{1, 2, 4, 7} {
				add(t, 2, group, d, 3, 65, 0)
			}
		}
		for _, n := range []int{1, 63, 64, 1000, 5000} {
			add(t, 1, 4, 64, 0, n, 0)
		}
		add(t, 3, 2, 64, 16, 130, 1)
	})
	return cases
}

// pattern is a way to make values.
type pattern struct {
	name string
	make func(rng *rand.Rand, i int) float32
}

// values are n of the pattern.
func (p pattern) values(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = p.make(rng, i)
	}
	return v
}

// scores are patterns of scores that a softmax must survive.
var scores = []pattern{
	{"normal", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64() * 4) }},
	{"equal", func(*rand.Rand, int) float32 { return 3.25 }},
	{"huge", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64() * 1e30) }},
	{"tiny", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64() * 1e-30) }},
	{"sharp", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64() * 60) }},
}

func voteCases() (cases []Case) {
	for _, s := range scores {
		for _, heads := range []int{1, 7, 8} {
			for _, n := range []int{1, 63, 256, 1023, 1025, 2047, 2049, 5000} {
				for hit := range 2 {
					if hit == 1 && n != 1025 {
						continue
					}
					cases = append(cases, voteCase(s, heads, n, hit))
				}
			}
		}
	}
	// Of so many an invocation takes four.
	cases = append(cases, voteCase(scores[0], 3, 70001, 0), voteCase(scores[0], 33, 1<<16, 0))
	return cases
}

func voteCase(s pattern, heads, n, hit int) Case {
	name := fmt.Sprintf("vote_stats, soft_vote/%s scores, %d heads, %d candidates, hit %d", s.name, heads, n, hit)
	return Case{name, func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{
				In("score", Floats(s.values(rng, heads*n)...)), state(hit, 0),
				Out("stats", kernels.StatsWords(heads, n), allowed("vote_stats")), Out("vote", n, allowed("soft_vote")),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.VoteStats(r, b[0], b[1], b[2], heads, n)
				kernels.SoftVote(r, b[0], b[2], b[1], b[3], heads, n, kernels.StatsBlocks(n))
			},
		}
	}}
}

// votes are patterns of votes that a selection must survive.
var votes = []pattern{
	{"random", func(rng *rand.Rand, _ int) float32 { return float32(math.Exp(rng.NormFloat64() * 8)) }},
	{"equal", func(*rand.Rand, int) float32 { return 0.125 }},
	{"five levels", func(rng *rand.Rand, _ int) float32 { return float32(rng.IntN(5)) * 1e-6 }},
	{"close", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(0x3f000000 + uint32(rng.IntN(3000))) }},
	{"signed", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64()) }},
	{"half NaN", func(rng *rand.Rand, i int) float32 {
		if i%2 == 0 {
			return float32(math.NaN())
		}
		return float32(rng.NormFloat64())
	}},
	{"zeros and denormals", func(rng *rand.Rand, _ int) float32 { return math.Float32frombits(uint32(rng.IntN(3))) }},
	{"rising", func(_ *rand.Rand, i int) float32 { return float32(i) }},
}

// topKBuffers are those of a selection; sel holds most rows.
func topKBuffers(rng *rand.Rand, n, most int, vote func(*rand.Rand, int) float32) []Buffer {
	v := make([]float32, n)
	for i := range v {
		v[i] = vote(rng, i)
	}
	return []Buffer{
		In("vote", Floats(v...)), state(0, 0), InOut("hist", repeat(0, kernels.HistWords), Exact),
		Out("cut", kernels.CutWords, Exact), Out("counts", kernels.CountWords(n), Exact), Out("sel", most, Exact),
	}
}

func topKCase(v pattern, n, k, lo int) Case {
	return Case{fmt.Sprintf("top_k/%s votes, %d of %d from %d", v.name, k, n, lo), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: topKBuffers(rng, n, k, v.make),
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.TopK(r, b[0], b[1], b[2], b[3], b[4], b[5], n, k, lo)
			},
		}
	}}
}

func topKCases() (cases []Case) {
	for _, v := range votes {
		for _, n := range []int{1, 63, 2047, 2048, 2049, 5000} {
			ks := []int{1, n/3 + 1, n - 1, n}
			if n == 1 {
				ks = []int{1}
			}
			for _, k := range ks {
				cases = append(cases, topKCase(v, n, k, 7))
			}
		}
	}
	cases = append(cases, Case{"top_k/70000 candidates", func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: topKBuffers(rng, 70000, 2048, votes[0].make),
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.TopK(r, b[0], b[1], b[2], b[3], b[4], b[5], 70000, 2048, 16)
			},
		}
	}})
	// Selections share their histograms: each must leave them ready for the
	// next, and a hit must leave them alone.
	cases = append(cases, Case{"top_k/several in a row", func(rng *rand.Rand) Plan {
		bufs := append(topKBuffers(rng, 5000, 900, votes[2].make), Out("sel 2", 17, Exact), Out("sel 3", 2500, Exact), Out("of a hit", 100, Exact),
			In("hit", Words(1, 77, 1, 0, 0, 5, 6)), Out("counts 2", kernels.CountWords(100), Exact))
		return Plan{
			Buffers: bufs,
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.TopK(r, b[0], b[1], b[2], b[3], b[4], b[5], 5000, 900, 0)
				kernels.TopK(r, b[0], b[1], b[2], b[3], b[4], b[6], 100, 17, 3)
				kernels.TopK(r, b[0], b[9], b[2], b[3], b[4], b[8], 4000, 100, 0)
				kernels.TopK(r, b[0], b[1], b[2], b[3], b[4], b[7], 4999, 2500, 1)
			},
		}
	}})
	return cases
}

// selectionCacheCases play sequences of steps on one state: the word of the
// cosine is compared as a float, the rest exactly.
func selectionCacheCases() (cases []Case) {
	type step = cacheStep
	const k, slide = 10, 8
	for _, s := range []struct {
		name  string
		steps []step
	}{
		{"a miss", []step{{0, 1, 100}}},
		{"a hit", []step{{0, 1, 100}, {1, 1, 101}}},
		{"a hit after five rows", []step{{0, 1, 100}, {1, 1, 105}}},
		{"a hit at the last row", []step{{0, 1, 100}, {1, 1, 100 + slide}}},
		{"too many rows gone", []step{{0, 1, 100}, {1, 1, 101 + slide}}},
		{"another direction", []step{{0, 1, 100}, {2, 1, 101}, {0, 1, 102}, {1, 1, 103}}},
		{"the anchor stays on hits", []step{{0, 1, 100}, {1, 1, 103}, {1, 1, 106}}},
		{"a chunk empties it", []step{{0, 1, 100}, {0, 5, 105}, {0, 1, 106}}},
		{"zero queries", []step{{3, 1, 100}, {3, 1, 101}}},
	} {
		for _, width := range []int{16, 512, 7 * 80, 1100} {
			cases = append(cases, selectionCacheCase(s.name, width, k, slide, s.steps))
		}
	}
	return cases
}

// cacheStep is one call of selection_cache.
type cacheStep struct {
	q, c, hi int // which query, how many of them, and where the window begins
}

func selectionCacheCase(name string, width, k, slide int, steps []cacheStep) Case {
	return Case{fmt.Sprintf("selection_cache/%s, %d values", name, width), func(rng *rand.Rand) Plan {
		q := make([][]float32, 4)
		for i := range q {
			q[i] = make([]float32, width)
		}
		for j := range width {
			q[0][j], q[2][j] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
			q[1][j] = q[0][j] + 0.1*float32(rng.NormFloat64()) // cosine about 0.995
		}
		return Plan{
			Buffers: []Buffer{
				In("q0", Floats(q[0]...)), In("q1", Floats(q[1]...)), In("q2", Floats(q[2]...)), In("q3", Floats(q[3]...)),
				InOut("cache_q", repeat(0, width), Exact),
				InOut("state", repeat(0, 64), Part(4, 5, Within(1e-4))),
				Out("sel", k+slide, Exact),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				for _, st := range steps {
					kernels.SelectionCache(r, b[st.q], b[4], b[5], b[6], kernels.SelectionCacheParams{
						C: uint32(st.c), Width: uint32(width), NSelect: uint32(k), Hi: uint32(st.hi), Slide: uint32(slide), Theta: 0.9})
				}
			},
		}
	}}
}

// pipelineCases run a whole selection: rounding may decide about rows next to
// the cut, and about no others.
func pipelineCases() (cases []Case) {
	const kvHeads, group, d, lo = 2, 4, 64, 16
	for _, n := range []int{300, 3000, 20000} {
		bothCaches(func(t kernels.CacheType) {
			k := n / 8
			cases = append(cases, Case{fmt.Sprintf("select_%v/%d of %d", t, k, n), func(rng *rand.Rand) Plan {
				heads := kvHeads * group
				return Plan{
					Buffers: []Buffer{
						In("probe", Normal(rng, heads*d, 0.3)), In("k", cacheData(rng, t, (lo+n)*kvHeads*d)), state(0, 0),
						Out("score", heads*n, allowed("paged_dot")), Out("stats", kernels.StatsWords(heads, n), allowed("vote_stats")), Out("vote", n, NMSE(1e-8)),
						InOut("hist", repeat(0, kernels.HistWords), Scratch), Out("cut", kernels.CutWords, Scratch),
						Out("counts", kernels.CountWords(n), Scratch), Out("sel", k, Jaccard(0.99)),
					},
					Record: func(r *gpu.Recording, b []gpu.Range) {
						kernels.PagedDot(r, t, b[0], b[1], b[2], b[3], heads, kvHeads, d, lo, n, 1)
						kernels.VoteStats(r, b[3], b[2], b[4], heads, n)
						kernels.SoftVote(r, b[3], b[4], b[2], b[5], heads, n, kernels.StatsBlocks(n))
						kernels.TopK(r, b[5], b[2], b[6], b[7], b[8], b[9], n, k, lo)
					},
				}
			}})
		})
	}
	return cases
}
