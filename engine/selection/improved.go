//go:build !lean

package selection

import (
	"context"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// optional: Options of TokenSelect are part of this build.
const optional = true

// improved is TokenSelect with Options, in steps that each may leave out: votes of
// several probes, in one list or one for each key head; max-pool; a floor; top-k; a
// list cut short by the votes' mass.
type improved struct {
	ensemble
	lists  lists       // of which there is one, whose rows are the selector's own, unless key heads have their own
	order  *gpu.Buffer // as vote: votes as they are compared, where that is not as they were cast
	chosen *gpu.Buffer // of each layer, at multiples of 256 bytes, [lists]: rows selected when lists were made
}

func newImproved(s *Selector, vote voting) *improved {
	own := &improved{ensemble: ensemble{voting: vote, most: max(1, s.cfg.Probes)}, lists: lists{Selector: s, n: 1, stride: s.selAt / 4}}
	if s.cfg.PerKeyHead {
		own.lists.n = s.shape.KVHeads
	}
	return own
}

// apart is the number of votes from list to list, of n candidates each: all start at
// multiples of 256 bytes.
func (s *improved) apart(n int) int { return align(4*n) / 4 }

func (s *improved) memory(rows int) map[**gpu.Buffer]int {
	sizes, lists := s.ensemble.memory(rows), s.lists.n
	sizes[&s.vote] = 4 * lists * s.apart(rows)
	if s.reorders() {
		sizes[&s.order] = 4 * lists * s.apart(rows)
	}
	return sizes
}

func (s *improved) kept() map[**gpu.Buffer]int {
	sizes := map[**gpu.Buffer]int{}
	if s.cfg.PerKeyHead {
		s.lists.memory(sizes)
	}
	if s.counted() {
		sizes[&s.lists.counts] = s.shape.Layers * align(4*s.lists.n)
		sizes[&s.chosen] = s.shape.Layers * align(4*s.lists.n)
	}
	return sizes
}

// reorders tells whether votes are compared otherwise than they were cast.
func (s *improved) reorders() bool { return s.cfg.Pool > 1 || s.cfg.Floor > 0 }

// counted tells whether lists have lengths of their own.
func (s *improved) counted() bool { return s.cfg.PerKeyHead || s.cfg.shortens() }

func (s *improved) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) kernels.Selection {
	lists, apart, k := s.lists.n, s.apart(n), s.cfg.K
	voters := s.cast(r, q, out.State, lo, n, float32(s.cfg.Tau), lists, apart)
	vote := gpu.All(s.vote)
	order := vote
	if s.reorders() {
		order = gpu.All(s.order)
		kernels.MaxPool(r, vote, out.State, order, n, lists, apart, s.cfg.Pool/2)
	}
	if s.cfg.Floor > 0 {
		heads := s.shape.Heads
		if s.most > 1 && q.C > 1 { // what is left of scores is the last probes'
			s.scores(r, q, out.State, lo, n)
		}
		kernels.HeadCut(r, gpu.All(s.score), out.State, gpu.All(s.ofHead), heads, n, s.cfg.Floor)
		kernels.VoteSum(r, kernels.VoteRaise, gpu.All(s.score), gpu.All(s.ofHead), out.State, order, heads/lists, n, lists, apart, false)
	}

	sel, stride := out.Sel, s.lists.stride
	if s.cfg.PerKeyHead {
		out.Lists = s.lists.of(q.Layer, out.NLocal, kernels.PlaceContiguous)
		out.Lists.MaxMid = out.MaxMid
		sel = out.Lists.Sel
	}
	for l := range lists {
		of := gpu.Range{Buffer: order.Buffer, Offset: 4 * l * apart, Size: 4 * n}
		to := gpu.Range{Buffer: sel.Buffer, Offset: sel.Offset + 4*l*stride, Size: 4 * k}
		kernels.TopK(r, of, out.State, gpu.All(s.hist), gpu.All(s.cut), gpu.All(s.voting.counts), to, n, k, lo)
	}
	if !s.counted() {
		return out
	}
	chosen, fixed := s.layer(s.chosen, align(4*lists), q.Layer), k
	if s.cfg.shortens() {
		mass := float32(s.cfg.TopP * float64(voters/lists)) // each softmax is 1 in all
		kernels.TopP(r, order, vote, out.State, sel, chosen, lists, apart, stride, k, lo, max(1, s.cfg.KMin), mass)
		fixed = 0
	}
	kernels.ListSlide(r, chosen, out.State, s.layer(s.lists.counts, align(4*lists), q.Layer), sel, lists, stride, fixed, s.cfg.slide(), lo+n)
	return out
}

// readLists is what each key head attended to, where they have lists of their own.
func (s *improved) readLists(ctx context.Context) ([]Chosen, error) {
	if !s.cfg.PerKeyHead {
		return nil, nil
	}
	return s.lists.chosen(ctx)
}
