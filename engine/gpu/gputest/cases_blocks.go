package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(blocksCases) }

// followed is one call of follow_scores.
type followed struct {
	t                 kernels.CacheType
	kvHeads, group, d int
	lo, blocks, block int
	follow            int
	ring, first, end  int
	behind            int // values of a row of the ring behind the queries
}

func (s followed) toCase() Case {
	heads := s.kvHeads * s.group
	name := fmt.Sprintf("follow_scores_%v/%d heads on %d of %d, %d blocks of %d from row %d, %d behind each, queries %d to %d in a ring of %d, %d values behind them",
		s.t, heads, s.kvHeads, s.d, s.blocks, s.block, s.lo, s.follow, s.first, s.end, s.ring, s.behind)
	return Case{name, func(rng *rand.Rand) Plan {
		keys := s.blocks * s.block
		g := kernels.Ring{Rows: s.ring, Stride: heads*s.d + s.behind, First: s.first, End: s.end}
		return Plan{
			Buffers: []Buffer{
				In("ring", Normal(rng, g.Rows*g.Stride, 1)), In("k", cacheData(rng, s.t, (s.lo+keys)*s.kvHeads*s.d)), In("table", angles(s.d, s.follow+1)),
				Out("score", keys*heads, sums("follow_scores", float64(s.d)/float64(s.follow))),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				g.Queries = b[0]
				kernels.FollowScores(r, s.t, g, b[1], b[2], b[3], heads, s.kvHeads, s.d, s.lo, keys, s.block, s.follow)
			},
		}
	}}
}

func representativesCase(s pattern, heads, first, blocks, block, n, lo int) Case {
	name := fmt.Sprintf("representatives/%s scores, %d of %d, blocks %d and %d more from row %d, %d heads", s.name, n, block, first, blocks, lo, heads)
	return Case{name, func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{In("score", Floats(s.values(rng, blocks*heads*block)...)), Out("chosen", (first+blocks)*heads*n, Exact)},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.Representatives(r, b[0], b[1], heads, first, blocks, block, n, lo)
			},
		}
	}}
}

func blockScoresCase(t kernels.CacheType, kvHeads, group, d, rows, blocks, n int) Case {
	heads := kvHeads * group
	name := fmt.Sprintf("block_scores_%v/%d heads on %d of %d, %d of %d rows for each of %d blocks", t, heads, kvHeads, d, n, rows, blocks)
	return Case{name, func(rng *rand.Rand) Plan {
		chosen := make([]uint32, blocks*heads*n)
		for i := range chosen {
			chosen[i] = uint32(rng.IntN(rows))
		}
		return Plan{
			Buffers: []Buffer{
				In("q", Normal(rng, heads*d, 1)), In("k", cacheData(rng, t, rows*kvHeads*d)), In("chosen", Words(chosen...)),
				Out("score", blocks, sums("block_scores", float64(heads*n*d))),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.BlockScores(r, t, b[0], b[1], b[2], b[3], heads, kvHeads, d, rows, blocks, n)
			},
		}
	}}
}

func blocksCases() (cases []Case) {
	bothCaches(func(t kernels.CacheType) {
		for _, d := range []int{8, 64, 80, 128} {
			cases = append(cases,
				followed{t, 2, 2, d, 5, 3, 8, 20, 60, 0, 60, 4}.toCase(),
				followed{t, 1, 7, d, 40, 1, 6, 9, 33, 38, 71, 0}.toCase(), // all around the ring
				blockScoresCase(t, 2, 3, d, 200, 70, 4))
		}
		cases = append(cases,
			followed{t, 1, 2, 64, 10, 4, 10, 30, 20, 33, 48, 0}.toCase(), // queries of a part of what follows, of some nothing
			followed{t, 1, 2, 64, 10, 2, 3, 30, 20, 0, 7, 0}.toCase(),    // none at hand
			followed{t, 2, 4, 64, 16, 2, 128, 256, 640, 0, 528, 8}.toCase(),
			blockScoresCase(t, 1, 1, 64, 9, 1, 1))
	})
	for _, s := range votes {
		cases = append(cases, representativesCase(s, 6, 2, 5, 128, 4, 16), representativesCase(s, 1, 0, 70, 3, 3, 0))
	}
	return append(cases, representativesCase(votes[0], 2, 1, 40, 1, 1, 7))
}

func (d draw) follow(t kernels.CacheType) Case {
	s := followed{t: t, kvHeads: 1 + d.IntN(2), group: 1 + d.IntN(8), d: d.head(), lo: d.upTo(100), blocks: d.size(5), block: d.size(40), follow: d.size(100), ring: d.size(200), behind: 4 * d.upTo(20)}
	s.first = d.upTo(300)
	s.end = s.first + d.upTo(s.ring)
	return s.toCase()
}
