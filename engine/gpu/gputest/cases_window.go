package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(windowCases) }

// windowed is one call of window_stats and window_mass.
type windowed struct {
	t                 kernels.CacheType
	kvHeads, group, d int
	end, window       int
	lo, hi            int
	ring, behind      int
	scale             float64 // of the queries
}

func (s windowed) toCase() Case {
	heads := s.kvHeads * s.group
	name := fmt.Sprintf("window_mass_%v/%d heads on %d of %d, rows %d to %d by %d queries before row %d in a ring of %d, times %g, %d values behind them",
		s.t, heads, s.kvHeads, s.d, s.lo, s.hi, s.window, s.end, s.ring, s.scale, s.behind)
	return Case{name, func(rng *rand.Rand) Plan {
		g := kernels.Ring{Rows: s.ring, Stride: heads*s.d + s.behind, First: max(0, s.end-s.ring), End: s.end}
		return Plan{
			Buffers: []Buffer{
				In("ring", Normal(rng, g.Rows*g.Stride, s.scale)), In("k", cacheData(rng, s.t, s.end*s.kvHeads*s.d)), In("table", angles(s.d, s.end)),
				Out("stats", 2*s.window*heads, allowed("window_stats")), Out("mass", s.kvHeads*(s.hi-s.lo), allowed("window_mass")),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				g.Queries = b[0]
				kernels.WindowMass(r, s.t, g, b[1], b[2], b[3], b[4], heads, s.kvHeads, s.d, s.window, s.lo, s.hi)
			},
		}
	}}
}

func windowCases() (cases []Case) {
	bothCaches(func(t kernels.CacheType) {
		for _, d := range []int{8, 64, 80, 128} {
			cases = append(cases,
				windowed{t, 2, 3, d, 200, 32, 4, 168, 32, 4, 1}.toCase(),
				windowed{t, 1, 2, d, 70, 5, 0, 1, 9, 0, 1}.toCase())
		}
		cases = append(cases,
			windowed{t, 1, 1, 64, 2, 1, 0, 1, 1, 0, 1}.toCase(),
			windowed{t, 2, 4, 64, 600, 32, 16, 568, 40, 0, 0.01}.toCase()) // flat weights
	})
	return cases
}

func (d draw) window(t kernels.CacheType) Case {
	s := windowed{t: t, kvHeads: 1 + d.IntN(2), group: 1 + d.IntN(8), d: d.head(), window: d.size(40), lo: d.upTo(100), behind: 4 * d.upTo(20), scale: []float64{1, 1, 0.1}[d.IntN(3)]}
	s.hi = s.lo + d.size(300)
	s.end = s.hi + s.window + d.upTo(20)
	s.ring = s.window + d.upTo(20)
	return s.toCase()
}
