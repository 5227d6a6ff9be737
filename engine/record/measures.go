package record

import (
	"math"

	"tokenselect/engine/kernels"
	"tokenselect/engine/kernels/simd"
)

// Rows are the rows of n that the last of a step's c tokens attended to, ascending:
// the first, those chosen in between and the most recent.
func Rows(a kernels.Attended, chosen []int, n, c int) []int {
	if a.NLocal >= n-c {
		chosen = nil
	}
	local := max(0, n-c-a.NLocal)
	var rows []int
	for t := range min(a.NInit, local) {
		rows = append(rows, t)
	}
	for _, t := range chosen {
		if t >= a.NInit && t < local {
			rows = append(rows, t)
		}
	}
	if a.Sliding > 0 {
		local = max(local, n-a.Sliding)
	}
	for t := local; t < n; t++ {
		rows = append(rows, t)
	}
	return rows
}

// Recall is the share of a head's weights that rows hold.
func Recall(weights []float32, rows []int) float64 {
	sum := 0.0
	for _, t := range rows {
		sum += float64(weights[t])
	}
	return sum
}

// best is the places of the k largest of values, ascending, of equal ones the first.
func best(values []float32, k int) []int {
	if k = min(k, len(values)); k == 0 {
		return nil
	}
	// The bits of a float, the sign's turned over and with it the others of what is
	// negative, are in the order of the values. The k-th largest is found bit by bit.
	keys := make([]uint32, len(values))
	for i, v := range values {
		b := math.Float32bits(v)
		keys[i] = b ^ (uint32(int32(b)>>31) | 1<<31)
	}
	cut, above := uint32(0), 0 // and how many are larger
	for bit := uint32(1 << 31); bit > 0; bit >>= 1 {
		n := 0
		for _, key := range keys {
			if key >= cut|bit {
				n++
			}
		}
		if n >= k {
			cut |= bit
		} else {
			above = n
		}
	}
	places, ties := make([]int, 0, k), k-above
	for i, key := range keys {
		if key == cut {
			ties--
		}
		if key > cut || key == cut && ties >= 0 {
			places = append(places, i)
		}
	}
	return places
}

// Largest is the places of the k largest of values, the largest first.
func Largest(values []float32, k int) []int {
	places := best(values, k)
	for n, p := range places { // few: they are put in order one by one
		i := n
		for ; i > 0 && values[places[i-1]] < values[p]; i-- {
			places[i] = places[i-1]
		}
		places[i] = p
	}
	return places
}

// Best is the k rows of lo to hi that together have the most weight of all heads,
// ascending.
func Best(weights [][]float32, lo, hi, k int) []int {
	return bestBlocks(weights, lo, hi, k, 1)
}

// BestBlocks is the share of the weights between lo and hi that the best k rows hold when
// they are taken in blocks of size rows, averaged over heads.
func BestBlocks(weights [][]float32, lo, hi, k, size int) float64 {
	rows := bestBlocks(weights, lo, hi, k, size)
	sum := 0.0
	for _, w := range weights {
		all := 0.0
		for _, v := range w[lo:hi] {
			all += float64(v)
		}
		if all > 0 {
			sum += Recall(w, rows) / all
		}
	}
	return sum / float64(len(weights))
}

// bestBlocks is the rows of the k/size blocks of lo to hi that have the most weight
// of all heads.
func bestBlocks(weights [][]float32, lo, hi, k, size int) []int {
	sums := make([]float32, (hi-lo+size-1)/size)
	for i := range sums {
		for _, w := range weights {
			for _, v := range w[lo+i*size : min(hi, lo+(i+1)*size)] {
				sums[i] += v
			}
		}
	}
	var rows []int
	for _, i := range best(sums, k/size) {
		for t := lo + i*size; t < min(hi, lo+(i+1)*size); t++ {
			rows = append(rows, t)
		}
	}
	return rows
}

// Likelihood tells the probability of each token of the vocabulary with these logits.
func Likelihood(logits []float32) func(id int) float64 {
	largest, sum := simd.Max(logits), 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v - largest))
	}
	return func(id int) float64 { return math.Exp(float64(logits[id]-largest)) / sum }
}

// Jaccard is the size of what ascending a and b have in common over that of both
// together.
func Jaccard(a, b []int) float64 {
	common, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			common, i, j = common+1, i+1, j+1
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return float64(common) / float64(max(1, len(a)+len(b)-common))
}

// Cosine is that of the angle between two vectors.
func Cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i, v := range a {
		ab, aa, bb = ab+float64(v)*float64(b[i]), aa+float64(v)*float64(v), bb+float64(b[i])*float64(b[i])
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}
