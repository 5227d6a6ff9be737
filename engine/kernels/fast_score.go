package kernels

import (
	"unsafe"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

// fastScoreStats is the fast version of score_stats: keys of four bits become
// bytes a few at a time, the others are multiplied where they stand. There is none
// for an index in tiles of several rows.
func fastScoreStats(s scoreShape) func(c *gpu.Call, lo, hi int) {
	if s.index != IndexNone && s.tile != 1 {
		return nil
	}
	return func(c *gpu.Call, lo, hi int) {
		p := params[ScoreStatsParams](c)
		q, table := view[float32](c, 0), view[float32](c, 1)
		score, stats := view[float32](c, 4), view[float32](c, 5)
		d, n, kvHeads, blocks := s.d, int(p.N), int(p.KVHeads), int(p.Blocks)
		tokens := int(p.Rounds) * s.round()
		work := scratches.Get().(*scratch)
		defer scratches.Put(work)
		probes := work.take(s.group * d)
		for i := lo; i < hi; i++ {
			kv, block := i%kvHeads, i/kvHeads
			copy(probes, q[kv*s.group*d:])
			for g := 0; p.Turn != 0 && g < s.group; g++ {
				rotate(probes[g*d:][:d], q[(kv*s.group+g)*d:][:d], table[int(p.Pos)*d:][:d])
			}
			from := min(block*tokens, n)
			to := min(from+tokens, n)
			first := (int(p.Lo)+from)*kvHeads + kv // head of the first candidate
			out := score[kv*s.group*n:]
			switch {
			case s.index == IndexI8:
				keys, scale := view[int8](c, 2), view[float32](c, 6)
				simd.DotI8(out[from:], n, probes, s.group, d, keys[first*d:], kvHeads*d, scale[first:], kvHeads, to-from)
				for g := 0; p.Scale != 1 && g < s.group; g++ {
					simd.Scale(out[g*n:][from:to], p.Scale)
				}
			case s.index == IndexI4:
				scoreI4(out[from:], n, probes, s.group, d, view[uint32](c, 2), view[uint16](c, 6), first, kvHeads, to-from, p.Scale)
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
// first on, times tau.
func scoreI4(dst []float32, dstStride int, probes []float32, group, d int, index []uint32, half []uint16, first, kvHeads, n int, tau float32) {
	const some = 64 // keys at a time
	work := scratches.Get().(*scratch)
	defer scratches.Put(work)
	blocks := d / 32
	buf := work.take(group*d + some + group*some)
	turned, scale, sums := buf[:group*d], buf[group*d:][:some], buf[group*d+some:]
	// The probes block by block, as each block of a key has its own scale.
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
			words := index[(first+(at+j)*kvHeads)*d/8:][:d/8]
			for w, word := range words {
				to := bytes[(j*d/8+w)*2:][:2]
				to[0], to[1] = lessEight(word&0x0f0f0f0f), lessEight(word>>4&0x0f0f0f0f)
			}
		}
		for b := range blocks {
			for j := range m {
				scale[j] = tau * f16.ToFloat32(half[(first+(at+j)*kvHeads)*blocks+b])
			}
			simd.DotI8(sums, some, turned[b*group*32:], group, 32, keys[b*32:], d, scale, 1, m)
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
