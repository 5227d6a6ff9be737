package kernels

import (
	"errors"
	"fmt"
	"math"

	"tokenselect/engine/gpu"
)

// Place is the rule that tells how far a key stands behind a query.
type Place uint32

// The rules of distances.
const (
	// PlaceContiguous: entry i of a list stands at position i (TokenSelect).
	PlaceContiguous Place = iota
	// PlaceTrue: every row stands where the text has it.
	PlaceTrue
	// PlaceClipped: as PlaceTrue, but no further than Window: everything beyond the
	// local window stands at its end (InfLLM, arXiv 2402.04617, section 3.2).
	PlaceClipped
	// PlaceGrouped: as PlaceTrue nearer than Window; from there on positions are
	// divided by Group and rounded down, and the query is moved by
	// Window - floor(Window/Group), so that both parts meet (SelfExtend, arXiv
	// 2401.01325, section 3.2).
	PlaceGrouped
)

// Lists are lists of rows, each for heads/N heads that follow each other: one for
// all heads, one for each key head or one for each query head. List l is the rows
// of Attended, where those in between are Counts[l] words of Sel from l*Stride on,
// in order. Attended.MaxMid is the most that any list has there.
type Lists struct {
	_ [0]func() // nobody compares them: less to link
	Attended
	N      int       // lists
	Stride int       // words from list to list of Sel
	Sel    gpu.Range // u32 [N][Stride]
	Counts gpu.Range // u32 [N]
	Place  Place
	Window int // rows, of PlaceClipped and PlaceGrouped
	Group  int // rows, of PlaceGrouped
}

// Distances is the number of rows of a RopeTable that attention over the lists of
// a cache of n rows, the last c of them new, asks for.
func (l Lists) Distances(n, c int) int {
	switch l.Place {
	case PlaceContiguous:
		return l.NInit + l.MaxMid + l.NLocal + c
	case PlaceClipped:
		return min(n, l.Window+1)
	case PlaceGrouped:
		if n > l.Window {
			group := max(1, l.Group)
			return max(l.Window, (n-1)/group+l.Window-l.Window/group+1)
		}
	}
	return n
}

// AttentionListsParams are those of attention_lists.
type AttentionListsParams struct {
	N         uint32 // rows in the cache, this step's included
	C         uint32 // queries, which are the last C rows
	NInit     uint32
	NLocal    uint32
	UseMid    uint32
	Heads     uint32
	KVHeads   uint32
	Lists     uint32
	SelStride uint32 // words from list to list of sel
	QStride   uint32 // values from row to row of q
	Place     uint32
	Window    uint32
	Group     uint32
}

// distance is how far behind a query at row qRow, entry qEntry of its list, the
// rule has the key of row, at entry.
func (p *AttentionListsParams) distance(qRow, qEntry, row, entry int) int {
	distance, w, g := qRow-row, int(p.Window), int(p.Group)
	switch Place(p.Place) {
	case PlaceContiguous:
		return qEntry - entry
	case PlaceClipped:
		return min(distance, w)
	case PlaceGrouped:
		if distance >= w {
			return qRow/g + w - w/g - row/g
		}
	}
	return distance
}

var attentionListsKernels family[cacheShape]

func attentionLists(t CacheType, d int) *gpu.Kernel {
	return attentionListsKernels.get(cacheShape{t: t, d: d}, func() *gpu.Kernel {
		name := "attention_lists_" + t.String()
		return &gpu.Kernel{
			Name:     name,
			Bindings: []gpu.Binding{in("q"), in("k"), in("v"), in("sel"), in("counts"), in("table"), out("y")},
			Params:   sizeOf[AttentionListsParams](),
			WGSL:     wgsl(name, map[string]int{"HEAD_DIM": d, "VECS": d / 4, "HALF": d / 8, "PARTS": 64 / (d / 4)}),
			Items: func(c *gpu.Call) int {
				p := params[AttentionListsParams](c)
				return ceil(int(p.C), chunkQueries) * int(p.Heads)
			},
			Twin: spare(func(c *gpu.Call, lo, hi int) {
				p := params[AttentionListsParams](c)
				for i := lo; i < hi; i++ {
					from := i / int(p.Heads) * chunkQueries
					for j := from; j < min(from+chunkQueries, int(p.C)); j++ {
						attendList(c, t, d, j, i%int(p.Heads))
					}
				}
			}),
			Fast: fastAttentionLists(t, d),
		}
	})
}

// listOf is the list of head h.
func (p *AttentionListsParams) listOf(c *gpu.Call, h int) list {
	own := h / int(p.Heads/p.Lists)
	l := list{nInit: int(p.NInit), tail: int(p.N - p.C - p.NLocal)}
	if p.UseMid != 0 {
		l.mid = int(view[uint32](c, 4)[own])
		l.sel = view[uint32](c, 3)[own*int(p.SelStride):][:l.mid]
	}
	l.length = l.nInit + l.mid + int(p.NLocal+p.C)
	return l
}

// attendList is attention_lists for query j of head h.
func attendList(c *gpu.Call, t CacheType, d, j, h int) {
	p := params[AttentionListsParams](c)
	q, k, v := view[float32](c, 0), t.view(c, 1), t.view(c, 2)
	table, y := view[float32](c, 5), view[float32](c, 6)
	kvHeads, kv, l := int(p.KVHeads), h/int(p.Heads/p.KVHeads), p.listOf(c, h)
	last := l.length - int(p.C) + j // causal: the query is the last entry that it sees
	head := q[j*int(p.QStride)+h*d:][:d]
	turned, key, value := make([]float32, d), make([]float32, d), make([]float32, d)
	scale := float32(1 / math.Sqrt(float64(d)))
	a := newPartial(y[(j*int(p.Heads)+h)*d:][:d])
	for entry := range last + 1 {
		row := l.row(entry)
		at := (row*kvHeads + kv) * d
		rotate(turned, head, table[p.distance(int(p.N-p.C)+j, last, row, entry)*d:][:d])
		k.read(key, at)
		v.read(value, at)
		a.add(float32(dot(turned, key)*scale), value)
	}
	for e := range a.o {
		a.o[e] /= a.sum
	}
}

// errLean is why a policy that is only compared with fails in the engine for
// browsers.
var errLean = errors.New("kernels: policies for comparison are not part of this build")

// AttentionLists records y = attention of the c queries of a step, the last c of
// n rows, each head over its list, causal among the step's own. q is [c][qStride],
// a row starting with the queries, [heads][d], before RoPE; k and v are a layer's
// cache, [rows][kvHeads][d]; table is RopeTable's, of l.Distances(n, c) rows; y is
// [c][heads*d]. A workgroup takes one query of one head. Limits of heads and d are
// PagedDot's; qStride is a multiple of 4.
func AttentionLists(r *gpu.Recording, t CacheType, q, k, v, table, y gpu.Range, heads, kvHeads, d, n, c, qStride int, l Lists) {
	if lean {
		r.Fail(errLean)
		return
	}
	if needHeads(r, "attention_lists", heads, kvHeads, d) == 0 {
		return
	}
	kern := attentionLists(t, d)
	switch {
	case l.N != 1 && l.N != kvHeads && l.N != heads:
		r.Fail(fmt.Errorf("kernels: %s: %d lists for %d heads on %d key heads, expected 1, %d or %d", kern.Name, l.N, heads, kvHeads, kvHeads, heads))
	case l.Place > PlaceGrouped:
		r.Fail(fmt.Errorf("kernels: %s: rule of distances %d, expected 0 to %d", kern.Name, l.Place, PlaceGrouped))
	case l.Place == PlaceGrouped && (l.Group < 1 || l.Window < 0) || l.Place == PlaceClipped && l.Window < 0:
		r.Fail(fmt.Errorf("kernels: %s: window of %d and groups of %d rows, expected at least 0 and 1", kern.Name, l.Window, l.Group))
	case qStride < heads*d || qStride%4 != 0:
		r.Fail(fmt.Errorf("kernels: %s: rows of %d values, expected a multiple of 4 from %d on", kern.Name, qStride, heads*d))
	case l.MaxMid > l.Stride && l.UseMid && l.N > 1:
		r.Fail(fmt.Errorf("kernels: %s: lists of up to %d rows, %d words apart", kern.Name, l.MaxMid, l.Stride))
	case l.NInit < 0 || l.NLocal < 0 || c < 1 || l.NInit+l.NLocal+c > n:
		r.Fail(fmt.Errorf("kernels: %s: %d first, %d local and %d new rows of %d, expected no more than there are", kern.Name, l.NInit, l.NLocal, c, n))
	}
	if r.Err() != nil {
		return
	}
	need(r, kern, 0, q, (c-1)*qStride+heads*d)
	need(r, kern, 1, k, t.words(n*kvHeads*d))
	need(r, kern, 2, v, t.words(n*kvHeads*d))
	if l.UseMid {
		need(r, kern, 3, l.Sel, (l.N-1)*l.Stride+l.MaxMid)
		need(r, kern, 4, l.Counts, l.N)
	}
	need(r, kern, 5, table, l.Distances(n, c)*d)
	need(r, kern, 6, y, c*heads*d)
	p := AttentionListsParams{N: uint32(n), C: uint32(c), NInit: uint32(l.NInit), NLocal: uint32(l.NLocal),
		Heads: uint32(heads), KVHeads: uint32(kvHeads), Lists: uint32(l.N), SelStride: uint32(l.Stride), QStride: uint32(qStride),
		Place: uint32(l.Place), Window: uint32(l.Window), Group: uint32(max(1, l.Group))}
	if l.UseMid {
		p.UseMid = 1
	}
	gpu.Dispatch(r, kern, c*heads, &p, q, k, v, l.Sel, l.Counts, table, y)
}
