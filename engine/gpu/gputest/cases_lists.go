package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(listsCases) }

// listed is one call of attention_lists: an attention whose lists hold from
// mids[0] to mids[1] selected rows.
type listed struct {
	attention
	lists         int
	mids          [2]int
	place         kernels.Place
	window, group int
	behind        int // values of a row of q behind the queries
}

func (s listed) toCase() Case {
	name := fmt.Sprintf("attention_lists_%v/%d heads on %d of %d, %d queries, %d rows, %d lists: %d + %v of at most %d + %d, rule %d, window %d, groups of %d, queries times %g, %d values behind them",
		s.t, s.kvHeads*s.attention.group, s.kvHeads, s.d, s.c, s.n, s.lists, s.a.NInit, s.mids, s.a.MaxMid, s.a.NLocal, s.place, s.window, s.group, s.scale, s.behind)
	return Case{name, s.plan}
}

func (s listed) plan(rng *rand.Rand) Plan {
	heads := s.kvHeads * s.attention.group
	stride := s.a.MaxMid + 3
	var sel, counts []uint32
	for range s.lists {
		mid := s.mids[0] + rng.IntN(s.mids[1]-s.mids[0]+1)
		sel = append(sel, selected(rng, s.a, mid, s.n-s.c)[:s.a.MaxMid]...)
		sel = append(sel, Unwritten, Unwritten, Unwritten)
		counts = append(counts, uint32(mid))
	}
	l := kernels.Lists{Attended: s.a, N: s.lists, Stride: stride, Place: s.place, Window: s.window, Group: s.group}
	width := heads*s.d + s.behind
	bufs := []Buffer{
		In("q", Normal(rng, s.c*width, s.scale)),
		In("k", cacheData(rng, s.t, s.n*s.kvHeads*s.d)), In("v", cacheData(rng, s.t, s.n*s.kvHeads*s.d)),
		In("sel", Words(sel...)), In("counts", Words(counts...)), In("table", angles(s.d, l.Distances(s.n, s.c))),
		Out("y", s.c*heads*s.d, allowed("attention_lists")),
	}
	return Plan{Buffers: bufs, Record: func(r *gpu.Recording, b []gpu.Range) {
		l.Sel, l.Counts = b[3], b[4]
		kernels.AttentionLists(r, s.t, b[0], b[1], b[2], b[5], b[6], heads, s.kvHeads, s.d, s.n, s.c, width, l)
	}}
}

func listsCases() (cases []Case) {
	mid := func(nInit, most, nLocal int) kernels.Attended {
		return kernels.Attended{NInit: nInit, NLocal: nLocal, UseMid: true, MaxMid: most}
	}
	bothCaches(func(t kernels.CacheType) {
		for _, place := range []kernels.Place{kernels.PlaceContiguous, kernels.PlaceTrue, kernels.PlaceClipped, kernels.PlaceGrouped} {
			for _, c := range []int{1, 17} {
				for _, lists := range []int{1, 2, 6} {
					cases = append(cases, listed{attention{t, 2, 3, 64, 300 + c, c, mid(4, 70, 40), 0, 1, 0}, lists, [2]int{1, 70}, place, 50, 7, 4}.toCase())
				}
				// All rows, as policies that only move positions have it.
				cases = append(cases, listed{attention{t, 1, 2, 80, 400 + c, c, kernels.Attended{NLocal: 400}, 0, 1, 0}, 1, [2]int{}, place, 33, 5, 0}.toCase())
			}
		}
		for _, d := range []int{8, 16, 24, 96, 120, 128} {
			cases = append(cases, listed{attention{t, 2, 2, d, 205, 5, mid(0, 30, 0), 0, 1, 0}, 2, [2]int{0, 30}, kernels.PlaceTrue, 0, 0, 8}.toCase())
		}
		for _, scale := range []float64{1e-20, 30} { // flat and sharp weights
			cases = append(cases, listed{attention{t, 2, 4, 64, 520, 20, mid(8, 100, 50), 0, scale, 0}, 8, [2]int{100, 100}, kernels.PlaceClipped, 50, 0, 0}.toCase())
		}
		cases = append(cases,
			listed{attention{t, 1, 1, 64, 1, 1, kernels.Attended{}, 0, 1, 0}, 1, [2]int{}, kernels.PlaceContiguous, 0, 0, 0}.toCase(), // the first token of all
			listed{attention{t, 1, 8, 64, 130, 130, kernels.Attended{}, 0, 1, 0}, 1, [2]int{}, kernels.PlaceGrouped, 16, 1, 0}.toCase(),
			listed{attention{t, 1, 2, 64, 90, 10, mid(2, 20, 3), 0, 1, 0}, 2, [2]int{}, kernels.PlaceGrouped, 4, 100, 0}.toCase()) // nothing selected
	})
	return cases
}

func (d draw) lists(t kernels.CacheType) Case {
	s := listed{attention: attention{t: t, kvHeads: 1 + d.IntN(3), group: 1 + d.IntN(8), d: d.head(), c: d.size(70), scale: []float64{1, 1, 1e-20, 10}[d.IntN(4)]},
		place: kernels.Place(d.IntN(4)), window: d.upTo(300), group: d.size(40), behind: 4 * d.upTo(40)}
	s.lists = d.one(1, s.kvHeads, s.kvHeads*s.attention.group)
	s.n = s.c + d.upTo(400)
	s.a, s.mids[1] = d.attended(s.n, s.c)
	s.mids[0] = d.upTo(s.mids[1])
	return s.toCase()
}
