//go:build !lean

package selection

import (
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// queryRing is the queries of the last rows of each layer.
type queryRing struct {
	rows   int
	layers []ringLayer
}

type ringLayer struct {
	queries    *gpu.Buffer // [rows][stride], that of row x at x % rows, as a step has them
	first, end int         // the rows that are there
}

func newQueryRing(s *Selector, rows int) queryRing {
	return queryRing{rows, make([]ringLayer, s.shape.Layers)}
}

// stride is the values of a row of a step: queries, keys and values.
func (s *Selector) stride() int { return (s.shape.Heads + 2*s.shape.KVHeads) * s.shape.HeadDim }

func (g *queryRing) memory(s *Selector) (sizes []buffer) {
	for i := range g.layers {
		sizes = append(sizes, buffer{&g.layers[i].queries, 4 * g.rows * s.stride()})
	}
	return sizes
}

// of is the ring of a layer.
func (g *queryRing) of(s *Selector, layer int) kernels.Ring {
	l := &g.layers[layer]
	return kernels.Ring{Queries: gpu.All(l.queries), Rows: g.rows, Stride: s.stride(), First: l.first, End: l.end}
}

// cut leaves out rows from n on, which are new, and what a text had there before it
// was cut.
func (g *queryRing) cut(layer, n int) {
	l := &g.layers[layer]
	if n > l.end { // another policy has read what is between
		l.first = n
	}
	l.first, l.end = min(l.first, n), n
}

// keep records the copy of the step's queries.
func (g *queryRing) keep(s *Selector, r *gpu.Recording, q kernels.Query) {
	g.cut(q.Layer, q.N-q.C)
	if q.Stride != s.stride() {
		r.Fail(fmt.Errorf("selection: queries in rows of %d values, expected %d", q.Stride, s.stride()))
		return
	}
	l, row := &g.layers[q.Layer], 4*q.Stride
	for from := max(q.N-q.C, q.N-g.rows); from < q.N; {
		slot := from % g.rows
		n := min(q.N-from, g.rows-slot)
		r.Copy(l.queries, slot*row, q.QKV.Buffer, q.QKV.Offset+(from-q.N+q.C)*row, n*row)
		from += n
	}
	l.first, l.end = max(l.first, q.N-g.rows), q.N
}
