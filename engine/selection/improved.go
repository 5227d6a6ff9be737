//go:build !lean

package selection

import (
	"context"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// improved is TokenSelect with Options, in steps that each may leave out: votes of
// several probes, in one list or one for each key head; max-pool; a floor; top-k; a
// list cut short by the votes' mass.
type improved struct {
	ensemble
	lists   lists       // of which there is one, whose rows are the selector's own, unless key heads have their own
	order   *gpu.Buffer // as vote: votes as they are compared, where that is not as they were cast
	lengths *gpu.Buffer // of each layer, at multiples of 256 bytes, [lists]: rows selected when lists were made
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

func (s *improved) memory(rows int) []buffer {
	votes := s.lists.n * s.apart(rows)
	sizes := s.ensemble.memoryOf(votes, rows)
	if s.reorders() {
		sizes = append(sizes, buffer{&s.order, 4 * votes})
	}
	return sizes
}

func (s *improved) kept() (sizes []buffer) {
	if s.counted() {
		bytes := s.of.shape.Layers * align(4*s.lists.n)
		sizes = append(sizes, buffer{&s.lengths, bytes}, buffer{&s.lists.counts, bytes})
	}
	if s.of.cfg.PerKeyHead {
		sizes = append(sizes, buffer{&s.lists.rowsOf, s.of.shape.Layers * align(4*s.lists.n*s.lists.stride)})
	}
	return sizes
}

// reorders tells whether votes are compared otherwise than they were cast.
func (s *improved) reorders() bool { return s.of.cfg.Pool > 1 || s.of.cfg.Floor > 0 }

// counted tells whether lists have lengths of their own.
func (s *improved) counted() bool { return s.of.cfg.PerKeyHead || s.of.cfg.shortens() }

func (s *improved) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) kernels.Selection {
	lists, apart, k := s.lists.n, s.apart(n), s.of.cfg.K
	voters := s.cast(r, q, out.State, lo, n, float32(s.of.cfg.Tau), lists, apart)
	vote := gpu.All(s.vote)
	order := vote
	if s.reorders() {
		order = gpu.All(s.order)
		kernels.MaxPool(r, vote, out.State, order, n, lists, apart, s.of.cfg.Pool/2)
	}
	if s.of.cfg.Floor > 0 {
		heads := s.of.shape.Heads
		if s.most > 1 && q.C > 1 { // what is left of scores is the last probes'
			s.scores(r, q, out.State, lo, n)
		}
		kernels.HeadCut(r, gpu.All(s.score), out.State, gpu.All(s.ofHead), heads, n, s.of.cfg.Floor)
		kernels.VoteSum(r, kernels.VoteRaise, gpu.All(s.score), gpu.All(s.ofHead), out.State, order, heads/lists, n, lists, apart, false)
	}

	sel, stride := out.Sel, s.lists.stride
	if s.of.cfg.PerKeyHead {
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
	chosen, fixed := s.of.layer(s.lengths, align(4*lists), q.Layer), k
	if s.of.cfg.shortens() {
		mass := float32(s.of.cfg.TopP * float64(voters/lists)) // each softmax is 1 in all
		kernels.TopP(r, order, vote, out.State, sel, chosen, lists, apart, stride, k, lo, max(1, s.of.cfg.KMin), mass)
		fixed = 0
	}
	kernels.ListSlide(r, chosen, out.State, s.of.layer(s.lists.counts, align(4*lists), q.Layer), sel, lists, stride, fixed, s.of.cfg.slide(), lo+n)
	return out
}

// chosen is what each key head attended to, where they have lists of their own.
func (s *improved) chosen(ctx context.Context) ([]Chosen, error) {
	if !s.of.cfg.PerKeyHead {
		return nil, nil
	}
	return s.lists.chosen(ctx)
}
