//go:build !lean

package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// voting is what policies share that cast votes in their own way and take the k
// candidates with the most: in plain steps, where TokenSelect's default has its own.
type voting struct {
	scorer
	ofHead *gpu.Buffer // [heads][2], of HeadStats or HeadCut
	vote   *gpu.Buffer // [rows]
	hist   *gpu.Buffer // of TopK, as are
	cut    *gpu.Buffer
	counts *gpu.Buffer
}

func (v *voting) memory(rows int) []buffer { return v.memoryOf(v.of.shape.Heads, rows) }

// memoryOf is memory for scores of heads heads.
func (v *voting) memoryOf(heads, rows int) []buffer {
	return append(v.scorer.memory(heads, rows), buffer{&v.ofHead, 8 * heads}, buffer{&v.vote, 4 * rows},
		buffer{&v.hist, 4 * kernels.HistWords}, buffer{&v.cut, 4 * kernels.CutWords}, buffer{&v.counts, 4 * kernels.CountWords(rows)})
}

// sum records the votes of n candidates; with add, masses join the votes that are
// there.
func (v *voting) sum(r *gpu.Recording, mode kernels.VoteMode, state gpu.Range, heads, n int, add bool) {
	kernels.VoteSum(r, mode, gpu.All(v.score), gpu.All(v.ofHead), state, gpu.All(v.vote), heads, n, add)
}

// take records the k candidates with the largest votes, of equal ones the first.
func (v *voting) take(r *gpu.Recording, out kernels.Selection, lo, n int) {
	kernels.TopK(r, gpu.All(v.vote), out.State, gpu.All(v.hist), gpu.All(v.cut), gpu.All(v.counts), out.Sel, n, v.of.cfg.K, lo)
}
