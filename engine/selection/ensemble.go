//go:build !lean

package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// ensemble votes with several probes of a chunk, whose soft votes are added up. To
// the kernels a batch of probes is one probe of more heads.
type ensemble struct {
	voting
	most   int         // probes of a chunk
	probes *gpu.Buffer // batches of them, at multiples of 256 bytes
}

// maxHeads is how many heads kernels score at a time for each key head.
const maxHeads = 8

// batch is how many probes are scored at a time, and stride the bytes from one batch
// to the next.
func (s *ensemble) batch() int { return min(s.most, max(1, maxHeads*s.shape.KVHeads/s.shape.Heads)) }

func (s *ensemble) stride() int { return align(4 * s.batch() * s.width()) }

func (s *ensemble) memory(rows int) map[**gpu.Buffer]int {
	sizes := s.voting.memoryOf(s.batch()*s.shape.Heads, rows)
	sizes[&s.probes] = (s.most + s.batch() - 1) / s.batch() * s.stride()
	return sizes
}

// cast records the soft votes of as many probes as a step has queries for.
func (s *ensemble) cast(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int, tau float32) {
	heads, kvHeads, d := s.shape.Heads, s.shape.KVHeads, s.shape.HeadDim
	turned, probes, count, batch := gpu.All(s.turned), gpu.All(s.probes), min(s.most, q.C), s.batch()
	kernels.Rope(r, q.QKV, s.table, out.State, turned, q.C, heads, d, q.Stride, s.cfg.NLocal, false)
	kernels.Probes(r, turned, probes, q.C, heads, kvHeads, d, count, batch, s.stride()/4, false)
	for i := 0; i*batch < count; i++ {
		voters := min(batch, count-i*batch) * heads
		blocks := s.scoresOf(r, q, out.State, s.layer(s.probes, s.stride(), i), false, voters, tau, lo, n)
		kernels.HeadStats(r, gpu.All(s.stats), out.State, gpu.All(s.ofHead), voters, n, blocks)
		s.sum(r, kernels.VoteMass, out.State, voters, n, i > 0)
	}
}
