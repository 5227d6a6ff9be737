package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// scorer finds the scores of the candidates.
type scorer struct {
	of    *Selector
	query meanQuery
	score *gpu.Buffer // [heads][rows]
	stats *gpu.Buffer // of the scores of each head
}

// memory is the buffers for scores of heads heads.
func (s *scorer) memory(heads, rows int) []buffer {
	stats := 4 * kernels.ScoreStatsWords(heads, s.of.shape.KVHeads, rows)
	if s.of.cpu {
		stats = 8 * heads * kernels.ChooseBlocks(rows)
	}
	return append(s.query.memory(s.of), buffer{&s.score, 4 * heads * rows}, buffer{&s.stats, stats})
}

// probe records the probe of q, a query for each head. That of one query is as it
// came, to be turned.
func (s *scorer) probe(r *gpu.Recording, q kernels.Query, state gpu.Range) (probe gpu.Range, turn bool) {
	if q.C == 1 {
		return q.QKV, true
	}
	return s.query.find(s.of, r, q, state), false
}

// scores records score and stats of the n candidates from row lo on, with the
// probe of q, and returns the number of blocks of stats of a head.
func (s *scorer) scores(r *gpu.Recording, q kernels.Query, state gpu.Range, lo, n int) (blocks int) {
	probe, turn := s.probe(r, q, state)
	return s.scoresOf(r, q, state, probe, turn, s.of.shape.Heads, 1, lo, n)
}

// scoresOf is scores with a probe for each of heads heads, which share the key heads
// evenly, and a temperature.
func (s *scorer) scoresOf(r *gpu.Recording, q kernels.Query, state, probe gpu.Range, turn bool, heads int, tau float32, lo, n int) (blocks int) {
	kvHeads, index := s.of.shape.KVHeads, q.Index
	tau /= s.of.shape.ropeScale() // the probe is scaled as it is rotated, and a key would be too
	if s.of.cfg.Index == kernels.IndexNone {
		index = kernels.Index{}
	}
	score, stats, d, pos := gpu.All(s.score), gpu.All(s.stats), s.of.shape.HeadDim, s.of.cfg.NLocal
	if s.of.cpu {
		kernels.ScoreStatsLong(r, q.Cache, probe, s.of.table, q.Keys, index, state, score, stats, heads, kvHeads, d, lo, n, pos, turn, tau)
		return kernels.ChooseBlocks(n)
	}
	kernels.ScoreStats(r, q.Cache, probe, s.of.table, q.Keys, index, state, score, stats, heads, kvHeads, d, lo, n, pos, turn, tau)
	return kernels.ScoreBlocks(index.Type, heads, kvHeads, d, n)
}
