package kernels

import (
	"math"

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

// fastVoteSome votes for those alone whose bound is within the number of heads of a
// value that k bounds reach.
func fastVoteSome(c *gpu.Call, lo, hi int) {
	p := params[ChooseParams](c)
	n, heads := int(p.N), int(p.Heads)
	score, bound, peak := view[float32](c, 0), view[float32](c, 3), view[float32](c, 4)[:PeakWords(int(p.N))]
	work, own := scratches.Get().(*scratch), scratches.Get().(*scratch)
	defer scratches.Put(work)
	defer scratches.Put(own)
	buf := own.take(someTokens + 2*heads)
	most, sums, picked := buf[:heads], buf[heads:2*heads], buf[2*heads:]
	size := float32(0) // of what bounds are differences of
	for h := range heads {
		most[h], sums[h] = fastHeadStats(work, view[float32](c, 1), h, int(p.Blocks))
		size = max(size, most[h], -most[h])
	}
	least := boundFrom(peak, int(p.NSelect), heads) - 1e-3 - size/(1<<21) // rounded on the way
	for i := lo; i < hi; i++ {
		from, to := i*someTokens, min((i+1)*someTokens, n)
		row := view[uint32](c, 5)[from:to]
		count := len(row)
		if least >= -math.MaxFloat32 {
			count = simd.IndexFrom(row, bound[from:to], least)
		} else { // there may be NaNs
			for t := range row {
				row[t] = uint32(t)
			}
		}
		row = row[:count]
		vote, picked := view[float32](c, 6)[from:][:count], picked[:count]
		clear(vote)
		for h := range heads {
			of := score[h*n:][from:to]
			for i, t := range row {
				picked[i] = of[t]
			}
			simd.AddExp(vote, picked, most[h], 1/sums[h])
		}
		for t := range row {
			row[t] += p.Lo + uint32(from)
		}
		view[uint32](c, 7)[i] = uint32(count)
	}
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
