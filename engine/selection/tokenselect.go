package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// softVote is TokenSelect's way of choosing (paper, eq. 7): the k candidates with
// the largest soft votes, or the largest of their neighbours', in the fewest kernels.
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

func (s *softVote) memory(rows int) []buffer {
	onGPU, onCPU, counts := 1, 0, kernels.CountWords(rows)
	if s.of.cpu {
		onGPU, onCPU, counts = 0, 1, kernels.SomeWords(rows)
	}
	return append(s.scorer.memory(s.of.shape.Heads, rows), []buffer{
		{&s.vote, 4 * rows}, {&s.counts, 4 * counts},
		{&s.hist, onGPU * 4 * kernels.VoteHistWords}, {&s.cut, onGPU * 4 * kernels.CutWords}, {&s.border, onGPU * 4 * kernels.BorderWords(rows)},
		{&s.bound, onCPU * 4 * rows}, {&s.peak, onCPU * 4 * kernels.PeakWords(rows)}, {&s.some, onCPU * 4 * rows},
	}...)
}

func (s *softVote) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) {
	heads, kvHeads, k := s.of.shape.Heads, s.of.shape.KVHeads, s.of.cfg.K
	blocks := s.scores(r, q, out.State, lo, n)
	score, stats, vote, counts := gpu.All(s.score), gpu.All(s.stats), gpu.All(s.vote), gpu.All(s.counts)
	if s.of.cpu {
		kernels.Choose(r, score, stats, out.State, gpu.All(s.bound), gpu.All(s.peak), gpu.All(s.some), vote, counts, out.Sel, heads, kvHeads, n, k, lo, s.of.cfg.Pool/2)
		return
	}
	hist := gpu.All(s.hist)
	kernels.SoftVoteHist(r, score, stats, out.State, vote, hist, heads, n, blocks, s.of.cfg.Pool/2)
	kernels.TopKBorder(r, vote, out.State, hist, gpu.All(s.cut), counts, gpu.All(s.border), out.Sel, n, k, lo)
}
