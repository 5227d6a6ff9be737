package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// softVote is TokenSelect's way of choosing (paper, eq. 7): the k candidates with
// the largest soft votes, in the fewest kernels.
type softVote struct {
	scorer
	vote   *gpu.Buffer // [rows]
	counts *gpu.Buffer
	hist   *gpu.Buffer // on a GPU
	cut    *gpu.Buffer // likewise
	border *gpu.Buffer // likewise
	bound  *gpu.Buffer // [rows], on a CPU what bounds votes,
	peak   *gpu.Buffer // the bounds' peaks
	some   *gpu.Buffer // [rows], and the rows that are voted for
}

func (s *softVote) kept() []buffer { return nil }

func (s *softVote) memory(rows int) []buffer {
	sizes := append(s.scorer.memory(s.of.shape.Heads, rows), buffer{&s.vote, 4 * rows})
	if s.of.cpu {
		return append(sizes, buffer{&s.counts, 4 * kernels.SomeWords(rows)}, buffer{&s.bound, 4 * rows}, buffer{&s.peak, 4 * kernels.PeakWords(rows)}, buffer{&s.some, 4 * rows})
	}
	return append(sizes, buffer{&s.counts, 4 * kernels.CountWords(rows)}, buffer{&s.hist, 4 * kernels.VoteHistWords}, buffer{&s.cut, 4 * kernels.CutWords}, buffer{&s.border, 4 * kernels.BorderWords(rows)})
}

func (s *softVote) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) kernels.Selection {
	heads, kvHeads, k := s.of.shape.Heads, s.of.shape.KVHeads, s.of.cfg.K
	blocks := s.scores(r, q, out.State, lo, n)
	score, stats, vote, counts := gpu.All(s.score), gpu.All(s.stats), gpu.All(s.vote), gpu.All(s.counts)
	if s.of.cpu {
		kernels.Choose(r, score, stats, out.State, gpu.All(s.bound), gpu.All(s.peak), gpu.All(s.some), vote, counts, out.Sel, heads, kvHeads, n, k, lo)
		return out
	}
	hist := gpu.All(s.hist)
	kernels.SoftVoteHist(r, score, stats, out.State, vote, hist, heads, n, blocks)
	kernels.TopKBorder(r, vote, out.State, hist, gpu.All(s.cut), counts, gpu.All(s.border), out.Sel, n, k, lo)
	return out
}
