//go:build !lean

package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// quest is Quest (arXiv 2406.10774): of each page of 16 tokens it knows the least
// and the largest value of each dimension of the keys, from which follows a bound
// of what a head's query makes of any of them; each head attends to the pages with
// the largest bounds, floor(k / page) of them.
//
// The paper reads a prompt densely and selects in decode alone, at true positions. A
// model that reads past the context it was trained for can do neither, so that here
// it selects as it reads, with the chunk's mean query, and lists stand at contiguous
// positions, both as TokenSelect has it: kinder to it than its paper. Its release
// reads the first two layers densely, of 32; here every layer selects, as dense ones
// would be of no use past the trained context and would break the equal budget. Keys are
// bounded before RoPE, which a query turned by the distance of the local window
// meets. Pages start behind the first nInit rows; of the page that reaches into the
// local window only the rows in front of it count.
type quest struct {
	lists
	query   meanQuery
	score   *gpu.Buffer   // [heads][pages]
	bounds  []*gpu.Buffer // of each layer, [pages][2][kvHeads][d]
	bounded []int         // of each layer: the row that bounds end at
}

func newQuest(s *Selector) *quest {
	stride := s.cfg.K / s.cfg.Rivals.Page * s.cfg.Rivals.Page
	return &quest{lists: lists{Selector: s, n: s.shape.Heads, stride: stride}, bounds: make([]*gpu.Buffer, s.shape.Layers), bounded: make([]int, s.shape.Layers)}
}

func (p *quest) memory(rows int) []buffer {
	pages := (rows + p.cfg.Rivals.Page - 1) / p.cfg.Rivals.Page
	sizes := append(p.lists.memory(), p.query.memory(p.Selector)...)
	sizes = append(sizes, buffer{&p.score, 4 * p.shape.Heads * pages})
	for i := range p.bounds {
		sizes = append(sizes, buffer{&p.bounds[i], 8 * pages * p.shape.KVHeads * p.shape.HeadDim})
	}
	return sizes
}

func (p *quest) attend(r *gpu.Recording, q kernels.Query, out kernels.Selection) kernels.Selection {
	pages := kernels.Pages{Lo: p.cfg.NInit, Hi: q.N - q.C - p.cfg.NLocal, Page: p.cfg.Rivals.Page}
	// Rows of this step, and what was there before a text was cut, are new.
	p.bounded[q.Layer] = min(p.bounded[q.Layer], q.N-q.C, max(pages.Lo, pages.Hi))
	if pages.Hi-pages.Lo <= p.cfg.K {
		out.Attended = kernels.Attended{NLocal: q.N - q.C}
		return out
	}
	p.last.selecting = true
	heads, kvHeads, d := p.shape.Heads, p.shape.KVHeads, p.shape.HeadDim
	bounds, score := gpu.All(p.bounds[q.Layer]), gpu.All(p.score)
	if known := max(0, p.bounded[q.Layer]-pages.Lo) / pages.Page; known < pages.Len() {
		kernels.PageBounds(r, q.Cache, q.Keys, bounds, kvHeads, d, known, pages)
	}
	p.bounded[q.Layer] = pages.Hi

	kernels.PageScores(r, p.query.find(p.Selector, r, q, out.State), bounds, score, heads, kvHeads, d, pages.Len())
	out.Lists = p.of(q.Layer, p.cfg.NLocal, kernels.PlaceContiguous)
	kernels.TopLists(r, score, out.Lists.Sel, out.Lists.Counts, p.n, p.cfg.K/pages.Page, p.stride, pages)
	return out
}
