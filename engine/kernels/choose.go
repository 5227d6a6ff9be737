package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// Choose is what SoftVote and TopK do, on a CPU, where work that can be left out
// is time saved: a vote is the sum of a softmax over the heads, so it lies between
// its largest part and that times the number of heads, and the largest part needs
// no exponential to be compared. Only candidates whose bound reaches the k-th vote
// are voted for. Its kernels have no shader: no GPU runs them.

// chooseTokens is the number of candidates of a block of Choose's stats: long
// blocks are few to merge.
const chooseTokens = 1024

// ChooseParams are those of vote_bound, vote_some and choose.
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

// someTokens is the number of candidates of an item of vote_some, each of which
// finds out for itself which bounds are too low.
const someTokens = 16384

var voteSome = &gpu.Kernel{
	Name:     "vote_some",
	Bindings: []gpu.Binding{in("score"), in("stats"), in("state"), in("bound"), in("peak"), out("row"), out("vote"), out("count")},
	Params:   sizeOf[ChooseParams](),
	Items: func(c *gpu.Call) int {
		return unlessHit(c, 2, ceil(int(params[ChooseParams](c).N), someTokens))
	},
	// The plain version leaves none out.
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[ChooseParams](c)
		n, score, row, vote := int(p.N), view[float32](c, 0), view[uint32](c, 5), view[float32](c, 6)
		from, to := lo*someTokens, min(hi*someTokens, n)
		for t := from; t < to; t++ {
			row[t], vote[t] = p.Lo+uint32(t), 0
		}
		for h := range int(p.Heads) {
			m, sum := headStats(view[float32](c, 1), h, int(p.Blocks))
			for t := from; t < to; t++ {
				vote[t] += float32(exp(score[h*n+t]-m) * (1 / sum))
			}
		}
		for i := lo; i < hi; i++ {
			view[uint32](c, 7)[i] = uint32(min(someTokens, n-i*someTokens))
		}
	},
	Fast: fastVoteSome,
}

var choose = &gpu.Kernel{
	Name:     "choose",
	Bindings: []gpu.Binding{in("row"), in("vote"), in("state"), in("count"), out("sel")},
	Params:   sizeOf[ChooseParams](),
	Items:    func(c *gpu.Call) int { return unlessHit(c, 2, 1) },
	// The digits of the k-th largest vote are found one by one, as in top_k.
	Twin: func(c *gpu.Call, _, _ int) {
		p := params[ChooseParams](c)
		row, vote, sel := view[uint32](c, 0), view[float32](c, 1), view[uint32](c, 4)
		each := func(f func(row, key uint32)) {
			for i, count := range view[uint32](c, 3)[:ceil(int(p.N), someTokens)] {
				at := i * someTokens
				for j, v := range vote[at:][:count] {
					f(row[at+j], sortKey(v))
				}
			}
		}
		rest, prefix := p.NSelect, uint32(0)
		for _, d := range [...]struct{ shift, bits uint32 }{{21, 11}, {10, 11}, {0, 10}} {
			var hist [bins]uint32
			each(func(_, key uint32) {
				if key>>(d.shift+d.bits) == prefix {
					hist[key>>d.shift&(1<<d.bits-1)]++
				}
			})
			var bin uint32
			bin, rest = digit(hist[:1<<d.bits], rest)
			prefix = prefix<<d.bits | bin
		}
		at := 0
		each(func(row, key uint32) {
			if key == prefix && rest > 0 {
				rest--
			} else if key <= prefix {
				return
			}
			sel[at] = row
			at++
		})
	},
}

// headLog is what all scores of a head are less than by the logarithm of their
// softmax: the logarithm of the sum of their exponentials.
func headLog(stats []float32, h, blocks int) float32 {
	m, sum := headStats(stats, h, blocks)
	return m + log(sum)
}

// Choose records sel = the rows of the k largest of n votes, in order of position,
// from scores and stats of ScoreStatsLong: what SoftVote and TopK select (paper,
// eq. 7). bound, row and vote hold n words, peak PeakWords(n), count SomeWords(n).
// 1 <= k <= n. Nothing is written on a hit.
func Choose(r *gpu.Recording, score, stats, state, bound, peak, row, vote, count, sel gpu.Range, heads, kvHeads, n, k, lo int) {
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
	need(r, voteSome, 5, row, n)
	need(r, voteSome, 6, vote, n)
	need(r, voteSome, 7, count, SomeWords(n))
	need(r, choose, 4, sel, k)
	p := ChooseParams{uint32(heads), uint32(n), uint32(k), uint32(lo), uint32(blocks)}
	gpu.Dispatch(r, voteBound, 1, &p, score, stats, state, bound, peak)
	gpu.Dispatch(r, voteSome, 1, &p, score, stats, state, bound, peak, row, vote, count)
	gpu.Dispatch(r, choose, 1, &p, row, vote, state, count, sel)
}

// ChooseBlocks is the number of blocks of the stats of n candidates that Choose
// takes.
func ChooseBlocks(n int) int { return ceil(n, chooseTokens) }

// SomeWords is the size of Choose's count of n candidates.
func SomeWords(n int) int { return ceil(n, someTokens) }

// PeakWords is the size of Choose's peaks of n candidates.
func PeakWords(n int) int { return 8 * ceil(n, 64) }
