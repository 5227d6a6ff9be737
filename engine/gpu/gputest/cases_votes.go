package gputest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() {
	register(headStatsCases)
	register(headCutCases)
	register(voteSumCases)
	register(probesCases)
	register(roundCases)
	register(maxPoolCases)
}

// headStatsCase merges blocks of stats that begin as scores of the pattern.
func headStatsCase(s pattern, heads, n, hit int) Case {
	return Case{fmt.Sprintf("head_stats/%s scores, %d heads, %d candidates, hit %d", s.name, heads, n, hit), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{
				In("score", Floats(s.values(rng, heads*n)...)), state(0, 0), state(hit, 0),
				Out("stats", kernels.StatsWords(heads, n), allowed("vote_stats")), Out("of_head", 2*heads, Within(1e-4)),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.VoteStats(r, b[0], b[1], b[3], heads, n)
				kernels.HeadStats(r, b[3], b[2], b[4], heads, n, kernels.StatsBlocks(n))
			},
		}
	}}
}

func headStatsCases() (cases []Case) {
	for _, s := range scores {
		cases = append(cases, headStatsCase(s, 3, 2049, 0))
	}
	return append(cases, headStatsCase(scores[0], 33, 70, 0), headStatsCase(scores[0], 1, 700000, 0), headStatsCase(scores[0], 2, 100, 1))
}

func headCutCase(v pattern, heads, n, k, hit int) Case {
	return Case{fmt.Sprintf("head_cut/%s scores, %d of %d for %d heads, hit %d", v.name, k, n, heads, hit), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{In("score", Floats(v.values(rng, heads*n)...)), state(hit, 0), Out("cut", 2*heads, Exact)},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.HeadCut(r, b[0], b[1], b[2], heads, n, k)
			},
		}
	}}
}

func headCutCases() (cases []Case) {
	for _, v := range votes {
		cases = append(cases, headCutCase(v, 3, 1, 1, 0))
		for _, n := range []int{2048, 5001} {
			for _, k := range []int{1, n/3 + 1, n} {
				cases = append(cases, headCutCase(v, 3, n, k, 0))
			}
		}
	}
	return append(cases, headCutCase(votes[0], 8, 300, 30, 1))
}

// modes are VoteSum's, by name.
var modes = []struct {
	name    string
	mode    kernels.VoteMode
	compare Compare
}{
	{"scores", kernels.VoteScores, allowed("vote_sum")},
	{"mass", kernels.VoteMass, allowed("vote_sum")},
	{"mass in bf16", kernels.VoteMassBF16, NMSE(1e-5)}, // an ulp decides how some are rounded
	{"count", kernels.VoteCount, Exact},
}

// voteSumCase votes with heads heads. Votes before are masses.
func voteSumCase(s pattern, mode, heads, n, hit int, add bool) Case {
	m := modes[mode]
	name := fmt.Sprintf("vote_sum/%s of %s scores, %d heads, %d candidates, hit %d, add %t", m.name, s.name, heads, n, hit, add)
	return Case{name, func(rng *rand.Rand) Plan {
		before := make([]float32, n)
		for i := range before {
			before[i] = float32(math.Exp(-20 * rng.Float64()))
		}
		ofHead := Out("of_head", 2*heads, Within(1e-4))
		if m.mode == kernels.VoteCount {
			ofHead.Compare = Exact
		}
		return Plan{
			Buffers: []Buffer{
				In("score", Floats(s.values(rng, heads*n)...)), state(0, 0), state(hit, 0),
				Out("stats", kernels.StatsWords(heads, n), allowed("vote_stats")), ofHead,
				InOut("vote", Floats(before...), m.compare),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				if m.mode == kernels.VoteCount {
					kernels.HeadCut(r, b[0], b[1], b[4], heads, n, n/5+1)
				} else {
					kernels.VoteStats(r, b[0], b[1], b[3], heads, n)
					kernels.HeadStats(r, b[3], b[1], b[4], heads, n, kernels.StatsBlocks(n))
				}
				kernels.VoteSum(r, m.mode, b[0], b[4], b[2], b[5], heads, n, add)
			},
		}
	}}
}

func voteSumCases() (cases []Case) {
	for i := range modes {
		for _, s := range scores {
			cases = append(cases, voteSumCase(s, i, 8, 257, 0, false))
		}
		cases = append(cases, voteSumCase(scores[0], i, 3, 2500, 0, false), voteSumCase(scores[0], i, 2, 1, 0, false), voteSumCase(scores[0], i, 4, 700, 1, false))
	}
	return append(cases, voteSumCase(scores[0], 1, 8, 1000, 0, true), voteSumCase(scores[0], 1, 20, 300, 0, true), voteSumCase(votes[2], 3, 7, 4000, 0, false))
}

func probesCase(rows, kvHeads, group, d, probes, per, gap int, across bool) Case {
	name := fmt.Sprintf("probes/%d of %d rows, %d a batch and %d words apart, %d heads of %d on %d, across %t", probes, rows, per, gap, kvHeads*group, d, kvHeads, across)
	return Case{name, func(rng *rand.Rand) Plan {
		heads := kvHeads * group
		stride := min(per, probes)*heads*d + gap
		return Plan{
			Buffers: []Buffer{In("x", Normal(rng, rows*heads*d, 1)), Out("y", (probes+per-1)/per*stride, sums("probes", float64(probes)/float64(rows)))},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.Probes(r, b[0], b[1], rows, heads, kvHeads, d, probes, per, stride, across)
			},
		}
	}}
}

func probesCases() (cases []Case) {
	for _, across := range []bool{false, true} {
		cases = append(cases, probesCase(1, 2, 4, 64, 1, 1, 0, across), probesCase(256, 2, 4, 64, 1, 2, 0, across), probesCase(256, 2, 4, 64, 4, 2, 0, across),
			probesCase(7, 3, 2, 80, 5, 2, 32, across), probesCase(9, 1, 7, 16, 9, 4, 5, across))
	}
	return cases
}

func roundCase(v pattern, n int) Case {
	return Case{fmt.Sprintf("round_bf16/%s values, %d", v.name, n), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{InOut("x", Floats(v.values(rng, n)...), Exact)},
			Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.RoundBF16(r, b[0], n) },
		}
	}}
}

func roundCases() (cases []Case) {
	for _, v := range votes {
		cases = append(cases, roundCase(v, 1000))
	}
	// Halfway between two, and what rounds up to infinity.
	return append(cases, Case{"round_bf16/edges", func(*rand.Rand) Plan {
		edges := Words(0x3f808000, 0x3f818000, 0x3f807fff, 0x3f808001, 0xbf818000, 0x7f7fffff, 0x7f800000, 0xff800000, 0, 0x80000000, 0x00008000, 0x00018000)
		return Plan{
			Buffers: []Buffer{InOut("x", edges, Exact)},
			Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.RoundBF16(r, b[0], len(edges)/4) },
		}
	}})
}

// masses are votes: neither negative nor NaN, some of them equal.
var masses = pattern{"mass", func(rng *rand.Rand, _ int) float32 { return float32(math.Exp(-0.25 * float64(rng.IntN(100)))) }}

func maxPoolCase(n, lists, half int) Case {
	return Case{fmt.Sprintf("max_pool/%d to each side, %d lists of %d", half, lists, n), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{In("x", Floats(masses.values(rng, lists*n)...)), Out("pooled", lists*n, Exact)},
			Record:  func(r *gpu.Recording, b []gpu.Range) { kernels.MaxPool(r, b[0], b[1], n, lists, half) },
		}
	}}
}

func maxPoolCases() []Case {
	return []Case{maxPoolCase(1, 1, 0), maxPoolCase(1, 2, 5), maxPoolCase(256, 1, 1), maxPoolCase(700, 3, 0), maxPoolCase(700, 2, 4), maxPoolCase(700, 1, 1000)}
}
