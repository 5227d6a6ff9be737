//go:build !lean

package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// headVote is the paper's eq. 6: each head votes for the k candidates with its
// largest scores, one vote each. Most votes are equal: k candidates of each of H
// heads share numbers from 0 to H. The paper leaves to its sort which of them win;
// here those with the larger soft vote (eq. 7) do, so that the policy is not judged
// by chance.
type headVote struct{ voting }

func (s *headVote) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) {
	heads := s.of.shape.Heads
	blocks := s.scores(r, q, out.State, lo, n)
	kernels.HeadStats(r, gpu.All(s.stats), out.State, gpu.All(s.ofHead), heads, n, blocks)
	s.sum(r, kernels.VoteMass, out.State, heads, n, false)
	kernels.HeadCut(r, gpu.All(s.score), out.State, gpu.All(s.ofHead), heads, n, s.of.cfg.K)
	s.sum(r, kernels.VoteCount, out.State, heads, n, false)
	s.take(r, out, lo, n)
}
