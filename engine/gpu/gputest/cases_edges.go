package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(edgeCases) }

// edgeCases are sizes at the limits of the kernels of selection and attention:
// the most and the fewest query heads to a key head, the smallest head, more
// heads than soft_vote merges at a time, more blocks than a workgroup has
// invocations, lists of which most parts are empty.
func edgeCases() (cases []Case) {
	bothCaches(func(t kernels.CacheType) {
		for _, c := range []struct{ kvHeads, group, d int }{{1, 8, 128}, {3, 3, 64}, {1, 6, 24}, {2, 5, 8}, {1, 8, 8}, {8, 1, 120}} {
			heads := c.kvHeads * c.group
			cases = append(cases, Case{fmt.Sprintf("paged_dot_%v/edges: %d heads on %d of %d", t, heads, c.kvHeads, c.d), func(rng *rand.Rand) Plan {
				const lo, n = 5, 130
				return Plan{
					Buffers: []Buffer{
						In("probe", Normal(rng, heads*c.d, 1)), In("k", cacheData(rng, t, (lo+n)*c.kvHeads*c.d)), state(0, 0),
						Out("score", heads*n, allowed("paged_dot")),
					},
					Record: func(r *gpu.Recording, b []gpu.Range) {
						kernels.PagedDot(r, t, b[0], b[1], b[2], b[3], heads, c.kvHeads, c.d, lo, n, 1)
					},
				}
			}})
			for _, queries := range []int{1, 40} {
				s := attention{t, c.kvHeads, c.group, c.d, 400, queries, kernels.Attended{NInit: 5, NLocal: 70, UseMid: true, MaxMid: 90}, 65, 1, 1}
				cases = append(cases, Case{s.name(), s.plan})
			}
		}
		// 33 parts of 64 entries, one or two of which hold any.
		for _, mid := range []int{0, 1, 60} {
			s := attention{t, 2, 2, 64, 3000, 1, kernels.Attended{NInit: 4, NLocal: 7, UseMid: true, MaxMid: 2048}, mid, 1, 1}
			cases = append(cases, Case{s.name(), s.plan})
		}
		// Parts of two tiles, cut short by a selection below its maximum.
		s := attention{t, 1, 4, 64, 6000, 1, kernels.Attended{NInit: 128, NLocal: 512, UseMid: true, MaxMid: 4400}, 4333, 1, 1}
		cases = append(cases, Case{s.name(), s.plan})
	})
	for _, c := range [][2]int{{33, 700}, {64, 1300}, {2, 70000}, {3, 300000}} {
		heads, n := c[0], c[1]
		cases = append(cases, Case{fmt.Sprintf("vote_stats, soft_vote/edges: %d heads, %d candidates", heads, n), func(rng *rand.Rand) Plan {
			return Plan{
				Buffers: []Buffer{In("score", Normal(rng, heads*n, 4)), state(0, 0),
					Out("stats", kernels.StatsWords(heads, n), allowed("vote_stats")), Out("vote", n, allowed("soft_vote"))},
				Record: func(r *gpu.Recording, b []gpu.Range) {
					kernels.VoteStats(r, b[0], b[1], b[2], heads, n)
					kernels.SoftVote(r, b[0], b[2], b[1], b[3], heads, n, kernels.StatsBlocks(n))
				},
			}
		}})
	}
	const many = 600_000 // 293 blocks of votes, all of which hold some of the chosen
	cases = append(cases, Case{fmt.Sprintf("top_k/%d candidates", many), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: topKBuffers(rng, many, 5000, votes[0].make),
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.TopK(r, b[0], b[1], b[2], b[3], b[4], b[5], many, 5000, 0)
			},
		}
	}})
	return append(cases, cacheEdges()...)
}

// cacheEdges are states of the Selection Cache that no run of steps above
// reaches.
func cacheEdges() (cases []Case) {
	const width, k = 300, 10
	for _, c := range []struct {
		name             string
		seen, hi, slide  int
		theta, towardsIt float32 // the query is this many times the anchor,
		besides          float32 // and this many times another vector
	}{
		{"the window begins before the anchor", 100, 99, 300, 0.9, 1, 0},
		{"no row may leave", 100, 100, 0, 0.9, 2, 0},
		{"one left, none may", 100, 101, 0, 0.9, 2, 0},
		{"more rows gone than invocations", 100, 400, 300, 0.9, 1, 0},
		{"opposite, theta below it", 100, 103, 300, -1.5, -1, 0},
		{"opposite", 100, 103, 300, 0, -1, 0},
		{"zero query, theta 0", 100, 103, 300, 0, 0, 0},
		{"another direction", 100, 103, 300, 0.9, 0, 1},
		{"in part another direction", 100, 103, 300, 0.5, 1, 1},
	} {
		cases = append(cases, Case{"selection_cache/edges: " + c.name, func(rng *rand.Rand) Plan {
			q, anchor := make([]float32, width), make([]float32, width)
			for i := range anchor {
				anchor[i] = float32(rng.NormFloat64())
				q[i] = c.towardsIt*anchor[i] + c.besides*float32(rng.NormFloat64())
			}
			return Plan{
				Buffers: []Buffer{In("q", Floats(q...)), InOut("cache_q", Floats(anchor...), Exact),
					InOut("state", Words(1, uint32(c.seen), 0, k, 0, 3, 4), Part(4, 5, Within(1e-5))), Out("sel", k+c.slide, Exact)},
				Record: func(r *gpu.Recording, b []gpu.Range) {
					kernels.SelectionCache(r, b[0], b[1], b[2], b[3], kernels.SelectionCacheParams{
						C: 1, Width: width, NSelect: k, Hi: uint32(c.hi), Slide: uint32(c.slide), Theta: c.theta})
				},
			}
		}})
	}
	return cases
}
