package record

import (
	"math"

	"tokenselect/engine/kernels"
	"tokenselect/engine/kernels/simd"
	"tokenselect/engine/selection"
)

// angles is a rotary table that grows as it is asked for more positions.
type angles struct {
	invFreq []float32
	scale   float32
	table   []float32
}

func newAngles(s selection.Shape) *angles {
	a := &angles{invFreq: s.InvFreq, scale: s.RopeScale}
	if a.scale == 0 {
		a.scale = 1
	}
	return a
}

// to makes sure of positions 0 to n-1.
func (a *angles) to(n int) {
	if d := 2 * len(a.invFreq); len(a.table) < n*d {
		a.table = kernels.RopeTable(a.invFreq, n+n/4, a.scale)
	}
}

func (a *angles) turn(dst, x []float32, position int) {
	d := len(x)
	row := a.table[position*d:][:d]
	simd.Rope(dst, x, row[:d/2], row[d/2:])
}

// logits is q·k/√d of a step's query with rows rows of the cache, [heads][rows]. The
// query stands at position at, the i-th row, row(i), at position place(i).
func (r *Recorder) logits(s *Step, rows int, row, place func(i int) int, at int) [][]float32 {
	shape, a := r.shape, r.angles
	a.to(at + 1)
	d, group := shape.HeadDim, shape.Heads/shape.KVHeads
	all := make([]float32, shape.Heads*rows)
	turned := make([]float32, len(s.Query))
	for h := range shape.Heads {
		a.turn(turned[h*d:][:d], s.Query[h*d:][:d], at)
	}
	scale := float32(1 / math.Sqrt(float64(d)))
	const block = 256
	parallel((rows+block-1)/block, func(b int) {
		from := b * block
		n := min(block, rows-from)
		keys := make([]float32, n*d)
		for kv := range shape.KVHeads {
			for i := range n {
				a.turn(keys[i*d:][:d], s.Keys[(row(from+i)*shape.KVHeads+kv)*d:][:d], place(from+i))
			}
			simd.DotF32(all[kv*group*rows+from:], rows, turned[kv*group*d:], group, d, keys, d, n, scale)
		}
	})
	heads := make([][]float32, shape.Heads)
	for h := range heads {
		heads[h] = all[h*rows:][:rows]
	}
	return heads
}

// softmax turns logits of heads into weights.
func softmax(heads [][]float32) {
	parallel(len(heads), func(h int) {
		w := heads[h]
		largest, total := float64(simd.Max(w)), 0.0
		for t, v := range w {
			e := math.Exp(float64(v) - largest)
			w[t] = float32(e)
			total += e
		}
		for t := range w {
			w[t] = float32(float64(w[t]) / total)
		}
	})
}

// toAll is the logits of all rows, a key that is further than most positions away
// counting as if it were so far.
func (r *Recorder) toAll(s *Step, most int) [][]float32 {
	at := min(most, s.N-1)
	first := s.N - 1 - at // the last row at position 0
	return r.logits(s, s.N, func(i int) int { return i }, func(i int) int { return max(0, i-first) }, at)
}

// toList is the logits of the rows of a list, at their places in it, the last of
// which is the query's own: what sparse attention computes.
func (r *Recorder) toList(s *Step, rows []int) [][]float32 {
	return r.logits(s, len(rows), func(i int) int { return rows[i] }, func(i int) int { return i }, len(rows)-1)
}
