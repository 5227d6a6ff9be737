package kernels

import (
	"cmp"
	"fmt"
	"slices"

	"tokenselect/engine/gpu"
)

// Choose is what SoftVote and TopK do, on a CPU, where work that can be left out
// is time saved: a vote is the sum of a softmax over the heads, so it lies between
// its largest part and that times the number of heads, and the largest part needs
// no exponential to be compared. Only candidates whose bound reaches the k-th vote
// are voted for. The two kernels have no shader: no GPU runs them.

// chooseTokens is the number of candidates of a block of Choose's stats: long
// blocks are few to merge.
const chooseTokens = 1024

// ChooseParams are those of vote_bound and choose.
type ChooseParams struct {
	Heads   uint32
	N       uint32 // candidates
	NSelect uint32 // k
	Lo      uint32 // row of candidate 0
	Blocks  uint32 // of candidates in the stats of a head
}

// boundTokens is the number of candidates of an item of vote_bound.
const boundTokens = 4096

var voteBound = &gpu.Kernel{
	Name:     "vote_bound",
	Bindings: []gpu.Binding{in("score"), in("stats"), in("state"), out("bound"), out("peak")},
	Params:   sizeOf[ChooseParams](),
	Items: func(c *gpu.Call) int {
		return unlessHit(c, 2, ceil(int(params[ChooseParams](c).N), boundTokens))
	},
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[ChooseParams](c)
		n, score, bound, peak := int(p.N), view[float32](c, 0), view[float32](c, 3), view[float32](c, 4)
		for h := range int(p.Heads) {
			less := headLog(view[float32](c, 1), h, int(p.Blocks))
			for t := lo * boundTokens; t < min(hi*boundTokens, n); t++ {
				b, at := score[h*n+t]-less, t/64*8+t%8
				if h > 0 {
					b = max(b, bound[t])
				}
				bound[t] = b
				if t%64 < 8 && h == 0 {
					peak[at] = b
				}
				peak[at] = max(peak[at], b)
			}
		}
	},
	Fast: fastVoteBound,
}

var choose = &gpu.Kernel{
	Name:     "choose",
	Bindings: []gpu.Binding{in("score"), in("stats"), in("state"), in("bound"), in("peak"), out("sel")},
	Params:   sizeOf[ChooseParams](),
	Items:    func(c *gpu.Call) int { return unlessHit(c, 2, 1) },
	Twin: func(c *gpu.Call, _, _ int) {
		p := params[ChooseParams](c)
		n, k, score, sel := int(p.N), int(p.NSelect), view[float32](c, 0), view[uint32](c, 5)
		vote, order := make([]float32, n), make([]int, n)
		for h := range int(p.Heads) {
			m, sum := headStats(view[float32](c, 1), h, int(p.Blocks))
			for t := range vote {
				vote[t] += float32(exp(score[h*n+t]-m) * (1 / sum))
				order[t] = t
			}
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sortKey(vote[b]), sortKey(vote[a])) })
		chosen := order[:k]
		slices.Sort(chosen)
		for i, t := range chosen {
			sel[i] = p.Lo + uint32(t)
		}
	},
	Fast: fastChoose,
}

// headLog is what all scores of a head are less than by the logarithm of their
// softmax: the logarithm of the sum of their exponentials.
func headLog(stats []float32, h, blocks int) float32 {
	m, sum := headStats(stats, h, blocks)
	return m + log(sum)
}

// Choose records sel = the rows of the k largest of n votes, in order of position,
// from scores and stats of ScoreStatsLong: what SoftVote and TopK select (paper,
// eq. 7). bound holds n words, peak PeakWords(n). 1 <= k <= n. Nothing is
// written on a hit.
func Choose(r *gpu.Recording, score, stats, state, bound, peak, sel gpu.Range, heads, kvHeads, n, k, lo int) {
	if k < 1 || k > n {
		r.Fail(fmt.Errorf("kernels: choose: %d of %d candidates to select, expected 1 to %d", k, n, n))
		return
	}
	blocks := ChooseBlocks(n)
	need(r, voteBound, 0, score, heads*n)
	need(r, voteBound, 1, stats, 2*heads*blocks)
	need(r, voteBound, 2, state, stateWords)
	need(r, voteBound, 3, bound, n)
	need(r, voteBound, 4, peak, PeakWords(n))
	need(r, choose, 5, sel, k)
	p := ChooseParams{uint32(heads), uint32(n), uint32(k), uint32(lo), uint32(blocks)}
	gpu.Dispatch(r, voteBound, 1, &p, score, stats, state, bound, peak)
	gpu.Dispatch(r, choose, 1, &p, score, stats, state, bound, peak, sel)
}

// ChooseBlocks is the number of blocks of the stats of n candidates that Choose
// takes.
func ChooseBlocks(n int) int { return ceil(n, chooseTokens) }

// PeakWords is the size of Choose's peaks of n candidates.
func PeakWords(n int) int { return 8 * ceil(n, 64) }
