package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(gatherCases) }

// gathered is one call of gather_rows.
type gathered struct {
	t          kernels.CacheType
	kvHeads, d int
	n, c       int
	a          kernels.Attended
	mid        int // selected rows, at most a.MaxMid
}

func (s gathered) toCase() Case {
	name := fmt.Sprintf("gather_rows/%v, %d key heads of %d, %d new of %d rows: %d + %d of at most %d + %d",
		s.t, s.kvHeads, s.d, s.c, s.n, s.a.NInit, s.mid, s.a.MaxMid, s.a.NLocal)
	return Case{name, func(rng *rand.Rand) Plan {
		width := s.kvHeads * s.d
		words := (s.a.NInit + s.a.MaxMid + s.a.NLocal + s.c) * width * s.t.Bytes() / 4
		return Plan{
			Buffers: []Buffer{
				In("k", cacheData(rng, s.t, s.n*width)), In("v", cacheData(rng, s.t, s.n*width)),
				In("sel", Words(selected(rng, s.a, s.mid, s.n-s.c)...)), state(0, s.mid),
				Out("keys", words, nil), Out("values", words, nil),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.GatherRows(r, s.t, b[0], b[1], b[2], b[3], b[4], b[5], s.kvHeads, s.d, s.n, s.c, s.a)
			},
		}
	}}
}

func gatherCases() (cases []Case) {
	mid := func(nInit, most, nLocal int) kernels.Attended {
		return kernels.Attended{NInit: nInit, NLocal: nLocal, UseMid: true, MaxMid: most}
	}
	bothCaches(func(t kernels.CacheType) {
		for _, s := range []gathered{
			{t, 1, 8, 1, 1, kernels.Attended{}, 0}, // the first token of all
			{t, 2, 64, 300, 1, mid(4, 50, 40), 50},
			{t, 8, 128, 400, 33, mid(16, 70, 64), 37}, // fewer rows than there may be
			{t, 1, 80, 300, 17, mid(0, 64, 0), 64},    // no sink, no window
			{t, 3, 24, 300, 2, mid(1, 20, 7), 0},      // none selected
			{t, 2, 64, 300, 5, kernels.Attended{NLocal: 295}, 0},
			{t, 2, 64, 300, 5, kernels.Attended{NInit: 3, NLocal: 61}, 0},
		} {
			cases = append(cases, s.toCase())
		}
	})
	return cases
}
