// Package mass measures where the attention of decode steps lies: which share of
// it the rows hold that a policy selected, how near those are to the best ones, and
// how single tokens compare with blocks of them. A Watcher copies the queries of
// each layer on the device; what is made of them is computed on the host.
package mass

import (
	"math"
	"runtime"
	"slices"
	"sync"

	"tokenselect/engine/kernels"
)

// Shape is the attention of a layer.
type Shape struct{ Heads, KVHeads, HeadDim int }

// Distances tells how far a key is from the query that looks at it.
type Distances struct {
	Table []float32 // kernels.RopeTable, of as many positions as there are rows
	Most  int       // keys further off count as if they were so far
}

// Of is the attention weights of a decode step's query, [heads][n]: the softmax over
// all n rows, of which the query's own is the last. q is [heads][d] and keys
// [n][kvHeads][d], both before RoPE.
func Of(q, keys []float32, s Shape, n int, dist Distances) [][]float32 {
	weights := make([][]float32, s.Heads)
	parallel(s.Heads, func(h int) {
		w := make([]float32, n)
		d, half := s.HeadDim, s.HeadDim/2
		kv := h / (s.Heads / s.KVHeads)
		x, turned := q[h*d:][:d], make([]float32, d)
		scale, largest := float32(1/math.Sqrt(float64(d))), float32(math.Inf(-1))
		for t := range n {
			// The query turned by the distance against the key as it is: the same
			// as both turned by their positions.
			if away := n - 1 - t; away < dist.Most || t == 0 {
				angles := dist.Table[min(away, dist.Most)*d:][:d]
				for i := range half {
					cos, sin, a, b := angles[i], angles[half+i], x[i], x[half+i]
					turned[i], turned[half+i] = a*cos-b*sin, b*cos+a*sin
				}
			}
			key, sum := keys[(t*s.KVHeads+kv)*d:][:d], float32(0)
			for i, v := range turned {
				sum += v * key[i]
			}
			w[t] = sum * scale
			largest = max(largest, w[t])
		}
		total := 0.0
		for t, v := range w {
			e := math.Exp(float64(v - largest))
			w[t] = float32(e)
			total += e
		}
		for t := range w {
			w[t] = float32(float64(w[t]) / total)
		}
		weights[h] = w
	})
	return weights
}

// parallel calls f for each of n on all cores.
func parallel(n int, f func(i int)) {
	var group sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	group.Wait()
}

// Rows are the rows of n that a step attended to, ascending: the first, those chosen
// in between and the most recent.
func Rows(a kernels.Attended, chosen []int, n int) []int {
	if a.NLocal >= n-1 {
		chosen = nil
	}
	local := max(0, n-1-a.NLocal)
	var rows []int
	for t := range min(a.NInit, local) {
		rows = append(rows, t)
	}
	for _, t := range chosen {
		if t >= a.NInit && t < local {
			rows = append(rows, t)
		}
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

// Best is the k rows of lo to hi that together have the most weight of all heads,
// ascending.
func Best(weights [][]float32, lo, hi, k int) []int {
	return bestBlocks(weights, lo, hi, k, 1)
}

// Blocks is the share of the weights between lo and hi that the best k rows hold when
// they are taken in blocks of size rows, averaged over heads.
func Blocks(weights [][]float32, lo, hi, k, size int) float64 {
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
	n := (hi - lo + size - 1) / size
	votes, order := make([]float64, n), make([]int, n)
	for i := range order {
		order[i] = i
		for _, w := range weights {
			for _, v := range w[lo+i*size : min(hi, lo+(i+1)*size)] {
				votes[i] += float64(v)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case votes[a] > votes[b]:
			return -1
		case votes[a] < votes[b]:
			return 1
		}
		return 0
	})
	var rows []int
	for _, i := range slices.Sorted(slices.Values(order[:min(n, k/size)])) {
		for t := lo + i*size; t < min(hi, lo+(i+1)*size); t++ {
			rows = append(rows, t)
		}
	}
	return rows
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
