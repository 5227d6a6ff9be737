//go:build !lean

package kernels

import (
	"fmt"
	"math"

	"tokenselect/engine/gpu"
)

// WindowParams are those of window_stats and window_mass.
type WindowParams struct {
	End      uint32 // the row behind the last query
	Window   uint32 // queries
	Lo       uint32 // rows that masses are asked of
	Hi       uint32
	RingRows uint32
	Stride   uint32 // values from row to row of the ring, a multiple of 4
	Heads    uint32
	KVHeads  uint32
	Vecs     uint32 // vectors of four in a head
}

// windowScores are the scores of keys for the queries of a window.
type windowScores struct {
	*WindowParams
	ring, table []float32
	k           cached
	turned, key []float32
}

func newWindowScores(c *gpu.Call, t CacheType) windowScores {
	p := params[WindowParams](c)
	d := 4 * int(p.Vecs)
	return windowScores{p, view[float32](c, 0), view[float32](c, 2), t.view(c, 1), make([]float32, d), make([]float32, d)}
}

// of is the score of a row's key for a head's query at a row, at its true distance.
func (s windowScores) of(query, head, row int) float32 {
	d := len(s.key)
	s.k.read(s.key, (row*int(s.KVHeads)+head/int(s.Heads/s.KVHeads))*d)
	rotate(s.turned, s.ring[query%int(s.RingRows)*int(s.Stride)+head*d:][:d], s.table[(query-row)*d:][:d])
	return dot(s.turned, s.key) / float32(math.Sqrt(float64(d)))
}

var windowStatsKernels, windowMassKernels family[CacheType]

func windowStats(t CacheType) *gpu.Kernel {
	return windowStatsKernels.get(t, func() *gpu.Kernel {
		name := "window_stats_" + t.String()
		return &gpu.Kernel{
			Name:     name,
			Bindings: []gpu.Binding{in("ring"), in("k"), in("table"), out("stats")},
			Params:   sizeOf[WindowParams](),
			WGSL:     wgsl(name, nil),
			Items:    func(c *gpu.Call) int { p := params[WindowParams](c); return int(p.Window * p.Heads) },
			Twin: func(c *gpu.Call, lo, hi int) {
				s, stats := newWindowScores(c, t), view[float32](c, 3)
				for i := lo; i < hi; i++ {
					query, head := int(s.End-s.Window)+i/int(s.Heads), i%int(s.Heads)
					most, sum := float32(lowest), float32(0)
					for row := range query + 1 {
						score := s.of(query, head, row)
						top := max(most, score)
						sum = float32(sum*exp(most-top)) + exp(score-top)
						most = top
					}
					stats[2*i], stats[2*i+1] = most, sum
				}
			},
		}
	})
}

func windowMass(t CacheType) *gpu.Kernel {
	return windowMassKernels.get(t, func() *gpu.Kernel {
		name := "window_mass_" + t.String()
		return &gpu.Kernel{
			Name:     name,
			Bindings: []gpu.Binding{in("ring"), in("k"), in("table"), in("stats"), out("mass")},
			Params:   sizeOf[WindowParams](),
			WGSL:     wgsl(name, nil),
			Items:    func(c *gpu.Call) int { p := params[WindowParams](c); return int(p.Hi - p.Lo) },
			Twin: func(c *gpu.Call, lo, hi int) {
				s, stats, mass := newWindowScores(c, t), view[float32](c, 3), view[float32](c, 4)
				heads, kvHeads, rows := int(s.Heads), int(s.KVHeads), int(s.Hi-s.Lo)
				for i := lo; i < hi; i++ {
					for kv := range kvHeads {
						var sum float32
						for w := range int(s.Window) {
							for h := kv * (heads / kvHeads); h < (kv+1)*(heads/kvHeads); h++ {
								at := stats[2*(w*heads+h):][:2]
								sum += exp(s.of(int(s.End-s.Window)+w, h, int(s.Lo)+i)-at[0]) / at[1]
							}
						}
						mass[kv*rows+i] = sum
					}
				}
			},
		}
	})
}

// WindowMass records how much attention the window last queries of g, those in
// front of row g.End, pay to each row from lo to hi, for each key head: the sum of
// their dense softmax weights, which are over all rows up to a query's own, over
// queries and heads (SnapKV, arXiv 2404.14469, section 4). No row is behind the
// window. k is a layer's keys, [rows][kvHeads][d]; table is RopeTable's, of g.End
// rows; stats is [window][heads][2], mass [kvHeads][hi-lo]. A workgroup of the first
// kernel takes a query of a head, one of the second 64 rows of a key head.
func WindowMass(r *gpu.Recording, t CacheType, g Ring, k, table, stats, mass gpu.Range, heads, kvHeads, d, window, lo, hi int) {
	first, second := windowStats(t), windowMass(t)
	if needHeads(r, second.Name, heads, kvHeads, d) == 0 {
		return
	}
	if err := g.check(heads * d); err != nil || window < 1 || g.End-window < g.First || lo < 0 || hi <= lo || hi > g.End-window {
		r.Fail(fmt.Errorf("kernels: %s: rows %d to %d by %d queries before row %d, expected rows in front of queries that are there (%v)", second.Name, lo, hi, window, g.End, err))
		return
	}
	need(r, first, 0, g.Queries, g.Rows*g.Stride)
	need(r, first, 1, k, t.words(g.End*kvHeads*d))
	need(r, first, 2, table, g.End*d)
	need(r, first, 3, stats, 2*window*heads)
	need(r, second, 4, mass, kvHeads*(hi-lo))
	p := WindowParams{uint32(g.End), uint32(window), uint32(lo), uint32(hi), uint32(g.Rows), uint32(g.Stride), uint32(heads), uint32(kvHeads), uint32(d / 4)}
	gpu.Dispatch(r, first, window*heads, &p, g.Queries, k, table, stats)
	gpu.Dispatch(r, second, ceil(hi-lo, 64)*kvHeads, &p, g.Queries, k, table, stats, mass)
}
