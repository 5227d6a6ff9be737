package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// scorer finds the scores of the candidates.
type scorer struct {
	*Selector
	turned *gpu.Buffer // [chunk][heads][d], queries rotated for scoring
	mean   *gpu.Buffer // [heads][d]
	score  *gpu.Buffer // [heads][rows]
	stats  *gpu.Buffer // of the scores of each head
}

func (s *scorer) kept() map[**gpu.Buffer]int { return nil }

func (s *scorer) memory(rows int) map[**gpu.Buffer]int { return s.memoryOf(s.shape.Heads, rows) }

// memoryOf is memory for scores of heads heads.
func (s *scorer) memoryOf(heads, rows int) map[**gpu.Buffer]int {
	stats := 4 * kernels.ScoreStatsWords(heads, s.shape.KVHeads, rows)
	if s.cpu {
		stats = 8 * heads * kernels.ChooseBlocks(rows)
	}
	return map[**gpu.Buffer]int{&s.turned: 4 * s.cfg.Chunk * s.width(), &s.mean: 4 * s.width(), &s.score: 4 * heads * rows, &s.stats: stats}
}

// probe records the probe of q, a query for each head: the queries as if they stood
// nLocal after every key, which is what rotating them and not the keys comes to,
// averaged over the chunk. That of one query is as it came, to be turned.
func (s *scorer) probe(r *gpu.Recording, q kernels.Query, state gpu.Range) (probe gpu.Range, turn bool) {
	if q.C == 1 {
		return q.QKV, true
	}
	turned, probe := gpu.All(s.turned), gpu.All(s.mean)
	kernels.Rope(r, q.QKV, s.table, state, turned, q.C, s.shape.Heads, s.shape.HeadDim, q.Stride, s.cfg.NLocal, false)
	kernels.MeanRows(r, turned, probe, q.C, s.width())
	return probe, false
}

// scores records score and stats of the n candidates from row lo on, with the
// probe of q, and returns the number of blocks of stats of a head.
func (s *scorer) scores(r *gpu.Recording, q kernels.Query, state gpu.Range, lo, n int) (blocks int) {
	probe, turn := s.probe(r, q, state)
	return s.scoresOf(r, q, state, probe, turn, s.shape.Heads, float32(s.cfg.Tau), lo, n)
}

// scoresOf is scores with a probe for each of heads heads, which share the key heads
// evenly, and a temperature.
func (s *scorer) scoresOf(r *gpu.Recording, q kernels.Query, state, probe gpu.Range, turn bool, heads int, tau float32, lo, n int) (blocks int) {
	kvHeads, index := s.shape.KVHeads, q.Index
	if s.cfg.Index == kernels.IndexNone {
		index = kernels.Index{}
	}
	record, blocks := kernels.ScoreStats, kernels.ScoreBlocks(index.Type, heads, kvHeads, n)
	if s.cpu {
		record, blocks = kernels.ScoreStatsLong, kernels.ChooseBlocks(n)
	}
	record(r, q.Cache, probe, s.table, q.Keys, index, state, gpu.All(s.score), gpu.All(s.stats), heads, kvHeads, s.shape.HeadDim, lo, n, s.cfg.NLocal, turn, tau)
	return blocks
}
