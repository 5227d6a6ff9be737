package gputest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(tieCases) }

// kinds is the number of different inputs in the cases of ties.
const kinds = 7

// kind is which of them stands at i: in no order that divides a workgroup.
func kind(i int) int { return i * i % kinds }

// ties compares with c, and expects equal words of each row of n where the
// inputs are of one kind: equal tokens tie wherever they stand, or a selection
// would depend on the size of workgroups.
func ties(n int, c Compare) Compare {
	return func(want, got []byte) error {
		for row := 0; row < len(got)/4; row += n {
			var first [kinds]int
			for i := n - 1; i >= 0; i-- {
				first[kind(i)] = row + i
			}
			for i := range n {
				if at := first[kind(i)]; word(got, at) != word(got, row+i) {
					return fmt.Errorf("equal inputs at %d and %d give %#08x and %#08x", at, row+i, word(got, at), word(got, row+i))
				}
			}
		}
		return c(want, got)
	}
}

func tieCases() (cases []Case) {
	const n = 2500
	bothCaches(func(t kernels.CacheType) {
		for _, c := range []struct{ kvHeads, group, d int }{{2, 4, 64}, {1, 7, 80}, {2, 1, 128}} {
			heads := c.kvHeads * c.group
			cases = append(cases, Case{fmt.Sprintf("paged_dot_%v/equal keys, %d heads on %d of %d", t, heads, c.kvHeads, c.d), func(rng *rand.Rand) Plan {
				row := len(cacheData(rng, t, c.kvHeads*c.d))
				some := cacheData(rng, t, kinds*c.kvHeads*c.d)
				var k []byte
				for i := range n {
					k = append(k, some[kind(i)*row:][:row]...)
				}
				return Plan{
					Buffers: []Buffer{
						In("probe", Normal(rng, heads*c.d, 1)), In("k", k), state(0, 0), Out("score", heads*n, ties(n, allowed("paged_dot"))),
					},
					Record: func(r *gpu.Recording, b []gpu.Range) {
						kernels.PagedDot(r, t, b[0], b[1], b[2], b[3], heads, c.kvHeads, c.d, 0, n, 1)
					},
				}
			}})
		}
	})
	for _, heads := range []int{1, 5, 40} {
		cases = append(cases, Case{fmt.Sprintf("vote_stats, soft_vote/equal tokens, %d heads", heads), func(rng *rand.Rand) Plan {
			some := make([]float32, heads*kinds)
			for i := range some {
				some[i] = float32(rng.NormFloat64() * 4)
			}
			score := make([]float32, heads*n)
			for i := range score {
				score[i] = some[i/n*kinds+kind(i%n)]
			}
			return Plan{
				Buffers: []Buffer{In("score", Floats(score...)), state(0, 0),
					Out("stats", kernels.StatsWords(heads, n), allowed("vote_stats")), Out("vote", n, ties(n, allowed("soft_vote")))},
				Record: func(r *gpu.Recording, b []gpu.Range) {
					kernels.VoteStats(r, b[0], b[1], b[2], heads, n)
					kernels.SoftVote(r, b[0], b[2], b[1], b[3], heads, n, kernels.StatsBlocks(n))
				},
			}
		}})
	}
	// NaN of either sign and any payload is lowest, -0 below 0.
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1e-45, -1e-45, 1e38, -1e38, inf, -inf,
		math.Float32frombits(0x7fc00000), math.Float32frombits(0xffc00000), math.Float32frombits(0x7f800001), math.Float32frombits(0xffffffff)}
	for _, k := range []int{1, 600, 900, 2100, 2400, 3000} {
		cases = append(cases, Case{fmt.Sprintf("top_k/special values, %d", k), func(rng *rand.Rand) Plan {
			return Plan{
				Buffers: topKBuffers(rng, 3000, k, func(rng *rand.Rand, _ int) float32 { return special[rng.IntN(len(special))] }),
				Record: func(r *gpu.Recording, b []gpu.Range) {
					kernels.TopK(r, b[0], b[1], b[2], b[3], b[4], b[5], 3000, k, 0)
				},
			}
		}})
	}
	return cases
}
