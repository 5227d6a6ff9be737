package kernels

import (
	"unsafe"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

// fastScoreStats is the fast version of score_stats: keys of four bits become
// bytes a few at a time, the others are multiplied where they stand.
func fastScoreStats(s scoreShape) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[ScoreStatsParams](c)
		q, table := view[float32](c, 0), view[float32](c, 1)
		score, stats := view[float32](c, 4), view[float32](c, 5)
		d, n, kvHeads, blocks := s.d, int(p.N), int(p.KVHeads), int(p.Blocks)
		tokens, heads := int(p.Rounds)*dotRound(s.group), s.group*kvHeads
		work := scratches.Get().(*scratch)
		defer scratches.Put(work)
		buf := work.take(heads*d + heads + ceil(heads*d, 2))
		all, steps := buf[:heads*d], buf[heads*d:][:heads]
		whole := unsafe.Slice((*int16)(unsafe.Pointer(&buf[heads*d+heads])), heads*d)
		copy(all, q)
		for h := range heads {
			probe := all[h*d:][:d]
			if p.Turn != 0 {
				rotate(probe, q[h*d:][:d], table[int(p.Pos)*d:][:d])
			}
			if s.index != IndexNone {
				steps[h] = simd.ToI16(whole[h*d:][:d], probe) * p.Scale
			}
		}
		for i := lo; i < hi; i++ {
			kv, block := i%kvHeads, i/kvHeads
			probes := all[kv*s.group*d:][:s.group*d]
			from := min(block*tokens, n)
			to := min(from+tokens, n)
			first := (int(p.Lo)+from)*kvHeads + kv // head of the first candidate
			out := score[kv*s.group*n:]
			switch {
			case s.index == IndexI8:
				of := s.index.view(c, 2, 6)
				simd.DotI8(out[from:], n, whole[kv*s.group*d:], steps[kv*s.group:], s.group, d, of.keys[first*d:], kvHeads*d, of.scale[first:], kvHeads, to-from)
			case s.index == IndexI4:
				scoreI4(out[from:], n, whole[kv*s.group*d:], steps[kv*s.group:], s.group, d, s.index.view(c, 2, 6), first, kvHeads, to-from)
			case s.cache == CacheF32:
				simd.DotF32(out[from:], n, probes, s.group, d, view[float32](c, 2)[first*d:], kvHeads*d, to-from, p.Scale)
			default:
				simd.DotF16(out[from:], n, probes, s.group, d, view[uint16](c, 2)[first*d:], kvHeads*d, to-from, p.Scale)
			}
			for g := range s.group {
				x, at := out[g*n:][from:to], 2*((kv*s.group+g)*blocks+block)
				m := simd.Max(x)
				stats[at], stats[at+1] = m, simd.SumExp(x, m)
			}
		}
	}
}

// scoreI4 is simd.DotI8 for n keys of an int4 index, every kvHeads-th head from
// first on.
func scoreI4(dst []float32, dstStride int, probes []int16, steps []float32, group, d int, of indexed, first, kvHeads, n int) {
	const some = 64 // keys at a time
	work := scratches.Get().(*scratch)
	defer scratches.Put(work)
	blocks := d / 32
	buf := work.take(some + group*some)
	scale, sums := buf[:some], buf[some:]
	// The probes block by block, as each block of a key has its own scale.
	var turned [maxGroup * maxHead]int16
	for b := range blocks {
		for g := range group {
			copy(turned[(b*group+g)*32:][:32], probes[g*d+b*32:])
		}
	}
	var bytes [some * maxHead / 4]uint32
	keys := unsafe.Slice((*int8)(unsafe.Pointer(&bytes)), 4*len(bytes))
	for at := 0; at < n; at += some {
		m := min(some, n-at)
		for j := range m {
			words := of.words[(first+(at+j)*kvHeads)*d/8:][:d/8]
			for w, word := range words {
				to := bytes[(j*d/8+w)*2:][:2]
				to[0], to[1] = lessEight(word&0x0f0f0f0f), lessEight(word>>4&0x0f0f0f0f)
			}
		}
		for b := range blocks {
			for j := range m {
				scale[j] = f16.ToFloat32(of.half[(first+(at+j)*kvHeads)*blocks+b])
			}
			simd.DotI8(sums, some, turned[b*group*32:], steps, group, 32, keys[b*32:], d, scale, 1, m)
			for g := range group {
				to := dst[g*dstStride+at:][:m]
				for j, v := range sums[g*some:][:m] {
					if b == 0 {
						to[j] = v
					} else {
						to[j] += v
					}
				}
			}
		}
	}
}

// lessEight takes 8 from each of four bytes, which are less than 128.
func lessEight(x uint32) uint32 { return ((x | 0x80808080) - 0x08080808) ^ 0x80808080 }
