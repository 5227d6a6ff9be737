//go:build !lean

package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// infLLM is InfLLM (arXiv 2402.04617): of each block of 128 tokens it knows the r = 4
// representatives of each head, the keys that the queries of the nLocal tokens behind
// them made most of; all heads attend to the blocks whose representatives the step's
// queries make most of in all, floor(k / block) of them, and everything beyond the
// local window stands at its end.
//
// Blocks start behind the first nInit rows, and are made when all of their rows have
// left the local window, so that the queries behind them have been read. Rows that
// have left it and do not make a block yet are attended to besides, as in its
// release: up to block - 1 more than TokenSelect has. The step's query is TokenSelect's
// probe, where the paper has all queries of a chunk stand nLocal behind every key. The
// text's queries are kept for nLocal + block + chunk rows; where another policy has
// read a part of the text, its representatives are the first of a block.
type infLLM struct {
	lists
	query  meanQuery
	ring   queryRing
	batch  int           // blocks that representatives are found for at a time
	follow *gpu.Buffer   // [batch][heads][block]
	score  *gpu.Buffer   // [blocks]
	reps   []*gpu.Buffer // of each layer, [blocks][heads][r], rows
	made   []int         // of each layer: blocks that have representatives
}

func newInfLLM(s *Selector) *infLLM {
	o := s.cfg.Rivals
	return &infLLM{
		lists: lists{Selector: s, n: 1, stride: s.cfg.K / o.Block * o.Block},
		ring:  newQueryRing(s, s.cfg.NLocal+o.Block+s.cfg.Chunk),
		batch: s.cfg.Chunk/o.Block + 1,
		reps:  make([]*gpu.Buffer, s.shape.Layers),
		made:  make([]int, s.shape.Layers),
	}
}

func (p *infLLM) memory(rows int) []buffer {
	o, heads := p.cfg.Rivals, p.shape.Heads
	blocks := (rows + o.Block - 1) / o.Block
	sizes := append(append(p.lists.memory(), p.query.memory(p.Selector)...), p.ring.memory(p.Selector)...)
	sizes = append(sizes, buffer{&p.follow, 4 * p.batch * heads * o.Block}, buffer{&p.score, 4 * blocks})
	for i := range p.reps {
		sizes = append(sizes, buffer{&p.reps[i], 4 * blocks * heads * o.Representatives})
	}
	return sizes
}

func (p *infLLM) attend(r *gpu.Recording, q kernels.Query, out kernels.Selection) kernels.Selection {
	o, lo, hi := p.cfg.Rivals, p.cfg.NInit, q.N-q.C-p.cfg.NLocal
	blocks := max(0, hi-lo) / o.Block
	p.represent(r, q, blocks)
	p.ring.keep(p.Selector, r, q)
	if hi-lo <= p.cfg.K {
		out.Attended = kernels.Attended{NLocal: q.N - q.C}
		return out
	}
	p.last.selecting = true
	heads, kvHeads, d := p.shape.Heads, p.shape.KVHeads, p.shape.HeadDim
	pages := kernels.Pages{Lo: lo, Hi: lo + blocks*o.Block, Page: o.Block}
	score := gpu.All(p.score)
	kernels.BlockScores(r, q.Cache, p.query.find(p.Selector, r, q, out.State), q.Keys, gpu.All(p.reps[q.Layer]), score, heads, kvHeads, d, pages.Hi, blocks, o.Representatives)
	out.Lists = p.of(q.Layer, q.N-q.C-pages.Hi, kernels.PlaceClipped)
	out.Lists.Window = p.cfg.NLocal
	kernels.TopLists(r, score, out.Lists.Sel, out.Lists.Counts, 1, p.cfg.K/o.Block, p.stride, pages)
	return out
}

// represent records what finds the representatives of a layer's first blocks that
// have none yet.
func (p *infLLM) represent(r *gpu.Recording, q kernels.Query, blocks int) {
	o, heads := p.cfg.Rivals, p.shape.Heads
	p.ring.cut(q.Layer, q.N-q.C)
	made := min(p.made[q.Layer], max(0, q.N-q.C-p.cfg.NInit)/o.Block)
	for made < blocks {
		n, lo := min(p.batch, blocks-made), p.cfg.NInit+made*o.Block
		kernels.FollowScores(r, q.Cache, p.ring.of(p.Selector, q.Layer), q.Keys, p.table, gpu.All(p.follow), heads, p.shape.KVHeads, p.shape.HeadDim,
			lo, n*o.Block, o.Block, max(1, p.cfg.NLocal))
		kernels.Representatives(r, gpu.All(p.follow), gpu.All(p.reps[q.Layer]), heads, made, n, o.Block, o.Representatives, p.cfg.NInit)
		made += n
	}
	p.made[q.Layer] = made
}
