package kernels

import (
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

// fastScoreStats is the fast version of score_stats. There is none for an index in
// tiles of several rows.
func fastScoreStats(s scoreShape) func(c *gpu.Call, lo, hi int) {
	if s.index != IndexNone && s.tile != 1 {
		return nil
	}
	return func(c *gpu.Call, lo, hi int) {
		p := params[ScoreStatsParams](c)
		q, table := view[float32](c, 0), view[float32](c, 1)
		score, stats := view[float32](c, 4), view[float32](c, 5)
		d, n, kvHeads, blocks := s.d, int(p.N), int(p.KVHeads), int(p.Blocks)
		tokens, heads := int(p.Rounds)*s.round(), s.group*kvHeads
		work := scratches.Get().(*scratch)
		defer scratches.Put(work)
		probes := newProbes(s, work, heads)
		for h := range heads {
			probes.set(h, q[h*d:][:d], table, p)
		}
		for i := lo; i < hi; i++ {
			kv, block := i%kvHeads, i/kvHeads
			head := kv * s.group
			from := min(block*tokens, n)
			to := min(from+tokens, n)
			first := (int(p.Lo)+from)*kvHeads + kv // head of the first candidate
			out := score[kv*s.group*n:]
			switch {
			case s.index == IndexI8:
				keys, of := view[int8](c, 2), view[float32](c, 6)
				simd.DotI8(out[from:], n, probes.i16[head*d:], probes.step[head:], s.group, d, keys[first*d:], kvHeads*d, of[first:], kvHeads, to-from)
			case s.index == IndexI4:
				keys, of := view[uint8](c, 2), view[uint16](c, 6)
				simd.DotI4(out[from:], n, probes.i8[head*d:], probes.less[head*d/32:], probes.step[head:], s.group, d, keys[first*d/2:], kvHeads*d/2, of[first*d/32:], kvHeads*d/32, to-from)
			case s.cache == CacheF32:
				simd.DotF32(out[from:], n, probes.f32[head*d:], s.group, d, view[float32](c, 2)[first*d:], kvHeads*d, to-from, p.Scale)
			default:
				simd.DotF16(out[from:], n, probes.f32[head*d:], s.group, d, view[uint16](c, 2)[first*d:], kvHeads*d, to-from, p.Scale)
			}
			for g := range s.group {
				x, at := out[g*n:][from:to], 2*((kv*s.group+g)*blocks+block)
				m := simd.Max(x)
				stats[at], stats[at+1] = m, simd.SumExp(x, m)
			}
		}
	}
}

// probes are those of all heads, as what they are multiplied with asks for.
type probes struct {
	s    scoreShape
	f32  []float32 // [heads][d]
	step []float32 // [heads], of whole numbers, times 1/tau
	i16  []int16   // [heads][d]
	i8   []int8    // likewise
	less []int32   // [heads][d/32]
}

func newProbes(s scoreShape, work *scratch, heads int) probes {
	n := heads * s.d
	buf := work.take(2*n + heads)
	words := unsafe.Pointer(&buf[n+heads]) // n of them
	p := probes{s: s, f32: buf[:n], step: buf[n:][:heads]}
	switch s.index {
	case IndexI8:
		p.i16 = unsafe.Slice((*int16)(words), n)
	case IndexI4:
		p.i8 = unsafe.Slice((*int8)(words), n)
		p.less = unsafe.Slice((*int32)(unsafe.Pointer(&buf[n+heads+n/4])), n/32)
	}
	return p
}

// set makes the probe of head h of its query.
func (p *probes) set(h int, q, table []float32, c *ScoreStatsParams) {
	d := p.s.d
	probe := p.f32[h*d:][:d]
	if copy(probe, q); c.Turn != 0 {
		rotate(probe, q, table[int(c.Pos)*d:][:d])
	}
	switch p.s.index {
	case IndexI8:
		p.step[h] = simd.ToI16(p.i16[h*d:][:d], probe) * c.Scale
	case IndexI4:
		p.step[h] = simd.ProbeI4(p.i8[h*d:][:d], p.less[h*d/32:][:d/32], probe) * c.Scale
	}
}
