//go:build !lean

package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// topK is the paper's eq. 5: the scores of all heads, added up. A few heads with
// large logits decide, which is what the paper's vote is against (figure 2c).
type topK struct{ voting }

func (s *topK) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) {
	s.scores(r, q, out.State, lo, n)
	s.sum(r, kernels.VoteScores, out.State, s.of.shape.Heads, n, false)
	s.take(r, out, lo, n)
}
