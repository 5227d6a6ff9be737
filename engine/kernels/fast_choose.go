package kernels

import (
	"math"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

// fastHeadStats is headStats with the exponentials in vectors.
func fastHeadStats(s *scratch, stats []float32, h, blocks int) (m, sum float32) {
	stats = stats[2*h*blocks:][:2*blocks]
	buf := s.take(2 * blocks)
	most, weight := buf[:blocks], buf[blocks:]
	for b := range most {
		most[b] = stats[2*b]
	}
	m = simd.Max(most)
	clear(weight)
	simd.AddExp(weight, most, m, 1)
	for b, w := range weight {
		sum += float32(stats[2*b+1] * w)
	}
	return m, sum
}

func fastVoteBound(c *gpu.Call, lo, hi int) {
	p := params[ChooseParams](c)
	n, heads, from, to := int(p.N), int(p.Heads), lo*boundTokens, min(hi*boundTokens, int(p.N))
	work, own := scratches.Get().(*scratch), scratches.Get().(*scratch)
	defer scratches.Put(work)
	defer scratches.Put(own)
	less := own.take(heads)
	for h := range less {
		m, sum := fastHeadStats(work, view[float32](c, 1), h, int(p.Blocks))
		less[h] = m + log(sum)
	}
	bound := view[float32](c, 3)[from:to]
	simd.MaxLess(bound, view[float32](c, 0)[from:(heads-1)*n+to], n, less)
	simd.Peaks(view[float32](c, 4)[from/64*8:][:PeakWords(to-from)], bound)
}

// fastChoose votes for those alone whose bound is within the number of heads of a
// value that k bounds reach.
func fastChoose(c *gpu.Call, _, _ int) {
	p := params[ChooseParams](c)
	n, k, heads := int(p.N), int(p.NSelect), int(p.Heads)
	score, bound, sel := view[float32](c, 0), view[float32](c, 3)[:n], view[uint32](c, 5)[:p.NSelect]
	work, own := scratches.Get().(*scratch), scratches.Get().(*scratch)
	defer scratches.Put(work)
	defer scratches.Put(own)
	buf := own.take(3*n + 2*heads)
	most, sums, buf := buf[:heads], buf[heads:2*heads], buf[2*heads:]
	size := float32(0) // of what bounds are differences of
	for h := range heads {
		most[h], sums[h] = fastHeadStats(work, view[float32](c, 1), h, int(p.Blocks))
		size = max(size, most[h], -most[h])
	}
	words := unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(buf))), n)
	from := boundFrom(view[float32](c, 4)[:PeakWords(n)], k, heads) - 1e-3 - size/(1<<21) // rounded on the way
	some := words[:simd.IndexFrom(words, bound, from)]
	if len(some) < k { // there are NaNs
		some = words
		for t := range some {
			some[t] = uint32(t)
		}
	}
	vote, picked := buf[n:][:len(some)], buf[2*n:][:len(some)]
	clear(vote)
	for h := range heads {
		of := score[h*n:][:n]
		for i, t := range some {
			picked[i] = of[t]
		}
		simd.AddExp(vote, picked, most[h], 1/sums[h])
	}
	takeLargest(sel, some, vote, p.Lo)
}

// boundFrom is what the bound of a candidate with one of the k largest votes
// reaches at least, -Inf where that cannot be said.
//
// At least k bounds reach the k-th largest peak, as there is one for each peak. So
// the k-th vote is at least its exponential, which no vote reaches that is not more
// than the heads' number times as small in its largest part.
func boundFrom(peak []float32, k, heads int) float32 {
	const lowest = -80 // below it votes may have vanished
	hi := simd.Max(peak)
	if !(hi > lowest) {
		return float32(math.Inf(-1))
	}
	lo := hi
	for down := float32(4); simd.CountFrom(peak, lo) < k; down *= 2 {
		if lo < lowest {
			return float32(math.Inf(-1))
		}
		hi, lo = lo, hi-down
	}
	for range 10 {
		middle := (lo + hi) / 2
		count := simd.CountFrom(peak, middle)
		if count < k {
			hi = middle
			continue
		}
		if lo = middle; count <= k+k/16 {
			break
		}
	}
	return lo - log(float32(heads))
}

// takeLargest writes lo + the rows of the largest votes to sel, in order of rows,
// of equal ones the lower row first. There are at least as many votes as sel holds.
func takeLargest(sel, rows []uint32, vote []float32, lo uint32) {
	// Digit by digit, as in top_k.
	rest, prefix := uint32(len(sel)), uint32(0)
	for _, d := range [...]struct{ shift, bits uint }{{21, 11}, {10, 11}, {0, 10}} {
		var hist [bins]uint32
		for _, v := range vote {
			if key := sortKey(v); key>>(d.shift+d.bits) == prefix {
				hist[key>>d.shift&(1<<d.bits-1)]++
			}
		}
		var bin uint32
		bin, rest = digit(hist[:1<<d.bits], rest)
		prefix = prefix<<d.bits | bin
	}
	at := 0
	for i, v := range vote {
		key := sortKey(v)
		if key == prefix && rest > 0 {
			rest--
		} else if key <= prefix {
			continue
		}
		sel[at] = lo + rows[i]
		at++
	}
}
