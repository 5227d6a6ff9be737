//go:build !lean

package selection

import (
	"math"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// oracle takes the candidates with the most attention of the step's own queries: for
// each query and each head the softmax over the candidates of q.k/sqrt(d), added up.
// Query i of the step stands nLocal+i after all of them, as TokenSelect's probe is
// rotated. What it reads of the keys is what dense attention reads, for each query:
// it is there to be measured against, from exact keys and without the Selection
// Cache.
//
// To the kernels a batch of queries is one query of more heads.
type oracle struct {
	voting
	queries *gpu.Buffer // batches of them, turned, at multiples of 256 bytes
}

// maxHeads is how many heads kernels score at a time for each key head.
const maxHeads = 8

// batch is how many queries are scored at a time, and stride the bytes from one batch
// to the next.
func (s *oracle) batch() int {
	return min(s.of.cfg.Chunk, max(1, maxHeads*s.of.shape.KVHeads/s.of.shape.Heads))
}

func (s *oracle) stride() int { return align(4 * s.batch() * s.of.width()) }

func (s *oracle) memory(rows int) []buffer {
	batches := (s.of.cfg.Chunk + s.batch() - 1) / s.batch()
	return append(s.memoryOf(s.batch()*s.of.shape.Heads, rows), buffer{&s.queries, batches * s.stride()})
}

func (s *oracle) choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int) {
	q.Index = kernels.Index{}
	heads, d, batch := s.of.shape.Heads, s.of.shape.HeadDim, s.batch()
	kernels.Probes(r, s.query.turn(s.of, r, q, out.State), gpu.All(s.queries), q.C, heads, s.of.shape.KVHeads, d, q.C, batch, s.stride()/4, false)
	for i := 0; i*batch < q.C; i++ {
		voters := min(batch, q.C-i*batch) * heads
		blocks := s.scoresOf(r, q, out.State, s.of.layer(s.queries, s.stride(), i), false, voters, float32(math.Sqrt(float64(d))), lo, n)
		kernels.HeadStats(r, gpu.All(s.stats), out.State, gpu.All(s.ofHead), voters, n, blocks)
		s.sum(r, kernels.VoteMass, out.State, voters, n, i > 0)
	}
	s.take(r, out, lo, n)
}
