package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// scorer finds the scores of the candidates.
type scorer struct {
	of     *Selector
	turned *gpu.Buffer // [chunk][heads][d], queries rotated for scoring
	mean   *gpu.Buffer // [heads][d]
	score  *gpu.Buffer // [heads][rows]
	stats  *gpu.Buffer // of the scores of each head
}

// memory is the buffers for scores of heads heads.
func (s *scorer) memory(heads, rows int) []buffer {
	stats := 4 * kernels.ScoreStatsWords(heads, s.of.shape.KVHeads, rows)
	if s.of.cpu {
		stats = 8 * heads * kernels.ChooseBlocks(rows)
	}
	width := 4 * s.of.width()
	return []buffer{{&s.turned, s.of.cfg.Chunk * width}, {&s.mean, width}, {&s.score, 4 * heads * rows}, {&s.stats, stats}}
}

// probe records the probe of q, a query for each head: the queries as if they stood
// nLocal after every key, which is what rotating them and not the keys comes to,
// averaged over the chunk. That of one query is as it came, to be turned.
func (s *scorer) probe(r *gpu.Recording, q kernels.Query, state gpu.Range) (probe gpu.Range, turn bool) {
	if q.C == 1 {
		return q.QKV, true
	}
	turned, probe := gpu.All(s.turned), gpu.All(s.mean)
	kernels.Rope(r, q.QKV, s.of.table, state, turned, q.C, s.of.shape.Heads, s.of.shape.HeadDim, q.Stride, s.of.cfg.NLocal, false)
	kernels.MeanRows(r, turned, probe, q.C, s.of.width())
	return probe, false
}

// scores records score and stats of the n candidates from row lo on, with the
// probe of q, and returns the number of blocks of stats of a head.
func (s *scorer) scores(r *gpu.Recording, q kernels.Query, state gpu.Range, lo, n int) (blocks int) {
	probe, turn := s.probe(r, q, state)
	return s.scoresOf(r, q, state, probe, turn, s.of.shape.Heads, float32(s.of.cfg.Tau), lo, n)
}

// scoresOf is scores with a probe for each of heads heads, which share the key heads
// evenly, and a temperature.
func (s *scorer) scoresOf(r *gpu.Recording, q kernels.Query, state, probe gpu.Range, turn bool, heads int, tau float32, lo, n int) (blocks int) {
	kvHeads, index := s.of.shape.KVHeads, q.Index
	if s.of.cfg.Index == kernels.IndexNone {
		index = kernels.Index{}
	}
	score, stats, d, pos := gpu.All(s.score), gpu.All(s.stats), s.of.shape.HeadDim, s.of.cfg.NLocal
	if s.of.cpu {
		kernels.ScoreStatsLong(r, q.Cache, probe, s.of.table, q.Keys, index, state, score, stats, heads, kvHeads, d, lo, n, pos, turn, tau)
		return kernels.ChooseBlocks(n)
	}
	kernels.ScoreStats(r, q.Cache, probe, s.of.table, q.Keys, index, state, score, stats, heads, kvHeads, d, lo, n, pos, turn, tau)
	return kernels.ScoreBlocks(index.Type, heads, kvHeads, n)
}
