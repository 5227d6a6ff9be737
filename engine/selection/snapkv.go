//go:build !lean

package selection

import (
	"context"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// snapKV is SnapKV (arXiv 2404.14469): a prompt is read densely, at true positions;
// at its end each key head keeps the tokens that the last window of 32 queries pay
// most attention to, pooled over 7 neighbours, and that window; decode attends to
// these, at true positions, and to all that it has generated.
//
// As many are kept as TokenSelect attends to: nInit + k + nLocal in all, the first
// nInit and the window among them. The heads that share a key head share what it
// keeps. The prompt ends in front of the first step of one token; a further prompt
// reads everything anew, what had not been kept too, as here rows are left out and
// not thrown away.
type snapKV struct {
	lists
	ring   queryRing
	stats  *gpu.Buffer // [window][heads][2]
	mass   *gpu.Buffer // [kvHeads][rows]
	pooled *gpu.Buffer // likewise
	ended  []int       // of each layer: rows of the prompt that rows are kept of; 0: none are
}

func newSnapKV(s *Selector) *snapKV {
	window := s.cfg.Rivals.Window
	return &snapKV{lists: lists{Selector: s, n: s.shape.KVHeads, stride: s.cfg.K + s.cfg.NLocal - window}, ring: newQueryRing(s, window), ended: make([]int, s.shape.Layers)}
}

func (p *snapKV) memory(rows int) []buffer {
	mass := 4 * p.shape.KVHeads * rows
	sizes := append(p.lists.memory(), p.ring.memory(p.Selector)...)
	return append(sizes, buffer{&p.stats, 8 * p.cfg.Rivals.Window * p.shape.Heads}, buffer{&p.mass, mass}, buffer{&p.pooled, mass})
}

func (p *snapKV) attend(r *gpu.Recording, q kernels.Query, out kernels.Selection) kernels.Selection {
	past := q.N - q.C
	p.ring.cut(q.Layer, past)
	if q.C > 1 || past < p.ended[q.Layer] {
		p.ended[q.Layer] = 0
	}
	if q.C == 1 && p.ended[q.Layer] == 0 {
		p.keep(r, q)
	}
	p.ring.keep(p.Selector, r, q)
	if p.ended[q.Layer] == 0 {
		out.Attended = kernels.Attended{NLocal: past}
		return out
	}
	p.last.selecting = true
	out.Lists = p.of(q.Layer, past-p.ended[q.Layer]+p.cfg.Rivals.Window, kernels.PlaceTrue)
	return out
}

// keep records what finds the rows that a layer keeps of the prompt in front of q, if
// it has any between the first and the window.
func (p *snapKV) keep(r *gpu.Recording, q kernels.Query) {
	o, end, heads, kvHeads := p.cfg.Rivals, q.N-q.C, p.shape.Heads, p.shape.KVHeads
	ring := p.ring.of(p.Selector, q.Layer)
	window := min(o.Window, ring.End-ring.First) // fewer where another policy has read the rest
	rows := kernels.Pages{Lo: p.cfg.NInit, Hi: end - o.Window, Page: 1}
	if rows.Hi <= rows.Lo || window == 0 {
		return
	}
	mass, pooled := gpu.All(p.mass), gpu.All(p.pooled)
	kernels.WindowMass(r, q.Cache, ring, q.Keys, p.table, gpu.All(p.stats), mass, heads, kvHeads, p.shape.HeadDim, window, rows.Lo, rows.Hi)
	kernels.MaxPool(r, mass, pooled, rows.Len(), kvHeads, o.Pool/2)
	kept := p.of(q.Layer, 0, kernels.PlaceTrue)
	kernels.TopLists(r, pooled, kept.Sel, kept.Counts, p.n, p.stride, p.stride, rows)
	p.ended[q.Layer] = end
}

func (p *snapKV) chosenLists(ctx context.Context) ([]Chosen, error) {
	chosen, err := p.lists.chosenLists(ctx)
	for i := range chosen {
		if chosen[i].Attended == p.last.attended {
			chosen[i].Rows, chosen[i].Lists = nil, nil
		}
	}
	return chosen, err
}
