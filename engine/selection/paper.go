//go:build !lean

package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// paper is TokenSelect as its released code has it (github.com/pzs19/TokenSelect,
// patcher/token_retrieval.py, at 8e1e97f), where that differs from the paper's text
// or from what attention computes:
//
//   - a query head is scored with key head h mod H_kv (the paper's Algorithm 2 too),
//     which for most heads is not the one that they attend with;
//   - the step's own rows count inside nLocal, so that the first query of a chunk of
//     nLocal tokens sees no text right before it. A chunk larger than nLocal would
//     let queries see rows that come after them; it is refused;
//   - scores, softmax and vote are rounded to bfloat16, and many candidates at the
//     border have equal votes;
//   - the Selection Cache is switched off.
//
// Neither keys nor queries are rounded, as they would be in a model of bfloat16.
type paper struct {
	voting
	probes  *gpu.Buffer // [heads][d], in the order in which they meet key heads
	rounded *gpu.Buffer // stats of rounded scores
}

func (s *paper) memory(rows int) []buffer {
	return append(s.voting.memory(rows), buffer{&s.probes, 4 * s.of.width()}, buffer{&s.rounded, 4 * kernels.StatsWords(s.of.shape.Heads, rows)})
}

func (s *paper) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) {
	heads, kvHeads, d := s.of.shape.Heads, s.of.shape.KVHeads, s.of.shape.HeadDim
	probes, score, stats := gpu.All(s.probes), gpu.All(s.score), gpu.All(s.rounded)
	kernels.Probes(r, s.query.turn(s.of, r, q, out.State), probes, q.C, heads, kvHeads, d, 1, 1, s.of.width(), true)
	s.scoresOf(r, q, out.State, probes, false, heads, 1, lo, n)
	kernels.RoundBF16(r, score, heads*n)
	kernels.VoteStats(r, score, out.State, stats, heads, n)
	kernels.HeadStats(r, stats, out.State, gpu.All(s.ofHead), heads, n, kernels.StatsBlocks(n))
	s.sum(r, kernels.VoteMassBF16, out.State, heads, n, false)
	s.take(r, out, lo, n)
}
