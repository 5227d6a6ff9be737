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
func (s *ensemble) batch() int {
	return min(s.most, max(1, maxHeads*s.of.shape.KVHeads/s.of.shape.Heads))
}

func (s *ensemble) stride() int { return align(4 * s.batch() * s.of.width()) }

func (s *ensemble) memory(rows int) []buffer { return s.memoryOf(rows, rows) }

// memoryOf is memory for votes votes.
func (s *ensemble) memoryOf(votes, rows int) []buffer {
	batches := (s.most + s.batch() - 1) / s.batch()
	return append(s.voting.memoryOf(s.batch()*s.of.shape.Heads, votes, rows), buffer{&s.probes, batches * s.stride()})
}

// cast records the soft votes of as many probes as a step has queries for, in lists
// lists of the votes of as many heads each, apart votes from one to the next. It
// returns the number of softmaxes that they add up to.
func (s *ensemble) cast(r *gpu.Recording, q kernels.Query, state gpu.Range, lo, n int, tau float32, lists, apart int) (voters int) {
	heads, kvHeads, d := s.of.shape.Heads, s.of.shape.KVHeads, s.of.shape.HeadDim
	probes, count, batch := gpu.All(s.probes), min(s.most, q.C), s.batch()
	add := func(voters, blocks int, more bool) {
		kernels.HeadStats(r, gpu.All(s.stats), state, gpu.All(s.ofHead), voters, n, blocks)
		kernels.VoteSum(r, kernels.VoteMass, gpu.All(s.score), gpu.All(s.ofHead), state, gpu.All(s.vote), voters/lists, n, lists, apart, more)
	}
	if count == 1 {
		probe, turn := s.probe(r, q, state)
		add(heads, s.scoresOf(r, q, state, probe, turn, heads, tau, lo, n), false)
		return heads
	}
	kernels.Probes(r, s.query.turn(s.of, r, q, state), probes, q.C, heads, kvHeads, d, count, batch, s.stride()/4, false)
	for i := 0; i*batch < count; i++ {
		voters := min(batch, count-i*batch) * heads
		add(voters, s.scoresOf(r, q, state, s.of.layer(s.probes, s.stride(), i), false, voters, tau, lo, n), i > 0)
	}
	return count * heads
}
