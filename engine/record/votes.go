package record

import (
	"tokenselect/engine/kernels/simd"
	"tokenselect/engine/trace"
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
		pooled[t] = simd.Max(own[max(0, t-half):min(n, t+half+1)])
	}
	return pooled
}

// elect fills in what l says of the selection among the candidates that s has scores
// of.
func elect(l *trace.Layer, s *Step, heads, half, k int) {
	all := votes(s.Scores, heads, half)
	n := len(all)
	selected := make([]int, n) // a candidate's place among the selected rows, from 1
	cut := []float32{float32(heads), 0}
	for i, r := range s.Chosen.Rows {
		v := float32(0)
		if t := r - s.Lo; t >= 0 && t < n { // a faulty device selects what it was not asked about
			v, selected[t] = all[t], i+1
		}
		l.Votes = append(l.Votes, trace.Log8(float64(v)))
		cut[0] = min(cut[0], v)
	}
	for t, v := range all {
		if selected[t] == 0 {
			cut[1] = max(cut[1], v)
		}
	}
	l.Cut, l.Candidates = cut, n
	width := (heads + 7) / 8
	l.HeadVotes = make([]byte, width*len(l.Votes))
	for h := range heads {
		for _, t := range best(s.Scores[h*n:][:n], k) {
			if i := selected[t]; i > 0 {
				l.HeadVotes[(i-1)*width+h/8] |= 1 << (h % 8)
			}
		}
	}
}
