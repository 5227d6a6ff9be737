package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// meanQuery finds what a step scores with, one query for each head: TokenSelect's
// probe.
type meanQuery struct {
	turned *gpu.Buffer // [chunk][heads][d], queries rotated for scoring
	mean   *gpu.Buffer // [heads][d]
}

func (m *meanQuery) memory(s *Selector) []buffer {
	width := 4 * s.width()
	return []buffer{{&m.turned, s.cfg.Chunk * width}, {&m.mean, width}}
}

// turn records the queries of q as if they stood nLocal after every key, which is
// what rotating them and not the keys comes to, and returns where they will be:
// [queries][heads][d].
func (m *meanQuery) turn(s *Selector, r *gpu.Recording, q kernels.Query, state gpu.Range) gpu.Range {
	turned := gpu.All(m.turned)
	kernels.Rope(r, q.QKV, s.table, state, turned, q.C, s.shape.Heads, s.shape.HeadDim, q.Stride, s.cfg.NLocal, false)
	return turned
}

// find records the queries of q, turned, averaged over the step, and returns where
// they will be: [heads][d].
func (m *meanQuery) find(s *Selector, r *gpu.Recording, q kernels.Query, state gpu.Range) gpu.Range {
	turned, mean := m.turn(s, r, q, state), gpu.All(m.mean)
	if q.C == 1 {
		return turned
	}
	kernels.MeanRows(r, turned, mean, q.C, s.width())
	return mean
}
