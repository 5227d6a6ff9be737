package record

import (
	"math"

	"tokenselect/engine/kernels/simd"
)

// votes are those of the candidates whose scores of some heads, [heads][n], a
// selector has found: the sum of the heads' softmax (paper, eq. 7), of half
// neighbours to each side the largest (Config.Pool).
func votes(scores []float32, heads, half int) []float32 {
	n := len(scores) / heads
	own := make([]float32, n)
	for h := range heads {
		s := scores[h*n:][:n]
		m := simd.Max(s)
		simd.AddExp(own, s, m, 1/simd.SumExp(s, m))
	}
	if half == 0 {
		return own
	}
	pooled := make([]float32, n)
	for t := range pooled {
		for _, v := range own[max(0, t-half):min(n, t+half+1)] {
			pooled[t] = max(pooled[t], v)
		}
	}
	return pooled
}

// elect fills in what l says of the selection of rows among the candidates from row
// lo on, of which k are selected.
func (l *Layer) elect(scores []float32, heads, half, lo, k int, rows []int) {
	all := votes(scores, heads, half)
	n := len(all)
	selected := make([]bool, n)
	l.Candidates, l.Least, l.Next = n, float32(math.Inf(1)), 0
	for _, r := range rows {
		if r < lo || r >= lo+n {
			continue // it has slid out of the window: nobody voted on it
		}
		v := all[r-lo]
		l.Votes = append(l.Votes, v)
		l.Least = min(l.Least, v)
		selected[r-lo] = true
	}
	for t, v := range all {
		if !selected[t] {
			l.Next = max(l.Next, v)
		}
	}
	width := (heads + 7) / 8
	l.Agree = make([]byte, width*len(l.Votes))
	own := make([]float64, n)
	for h := range heads {
		for t, v := range scores[h*n:][:n] {
			own[t] = float64(v)
		}
		mine := make([]bool, n)
		for _, t := range best(own, k) {
			mine[t] = true
		}
		i := 0
		for _, r := range rows {
			if r < lo || r >= lo+n {
				continue
			}
			if mine[r-lo] {
				l.Agree[i*width+h/8] |= 1 << (h % 8)
			}
			i++
		}
	}
}
