package kernels

import (
	"fmt"
	"math"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

// Choose is what SoftVote and TopK do, on a CPU, where work that can be left out
// is time saved: a vote is the sum of a softmax over the heads, so it lies between
// its largest part and that times the number of heads, and the largest part needs
// no exponential to be compared. Only candidates whose bound reaches the k-th vote
// are voted for. Its kernels have no shader, as no GPU runs them, and one version:
// what there is of vectors is in package simd.

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
	Half    uint32 // of choose: candidates of a window to each side
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
	Twin: boundVotes,
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
	Twin: countVotes,
}

var choose = &gpu.Kernel{
	Name:     "choose",
	Bindings: []gpu.Binding{in("row"), in("vote"), in("state"), in("count"), out("sel")},
	Params:   sizeOf[ChooseParams](),
	Items:    func(c *gpu.Call) int { return unlessHit(c, 2, 1) },
	Twin:     chooseRows,
}

// Choose records sel = the rows of the k largest of n votes, in order of position,
// from scores and stats of ScoreStatsLong: what SoftVote and TopK select (paper,
// eq. 7), of votes as MaxPool makes them where half, 0 to MaxHalf, is above 0. bound,
// row and vote hold n words, peak PeakWords(n), count SomeWords(n). 1 <= k <= n.
// Nothing is written on a hit.
func Choose(r *gpu.Recording, score, stats, state, bound, peak, row, vote, count, sel gpu.Range, heads, kvHeads, n, k, lo, half int) {
	if k < 1 || k > n {
		r.Fail(fmt.Errorf("kernels: choose: %d of %d candidates to select, expected 1 to %d", k, n, n))
		return
	}
	if !needHalf(r, "choose", half) {
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
	p := ChooseParams{uint32(heads), uint32(n), uint32(k), uint32(lo), uint32(blocks), uint32(half)}
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

// headStatsVec is headStats with the exponentials in vectors.
func headStatsVec(s *scratch, stats []float32, h, blocks int) (m, sum float32) {
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

// boundVotes finds the largest part of each vote, as a logarithm, and the peaks of
// these.
func boundVotes(c *gpu.Call, lo, hi int) {
	p := params[ChooseParams](c)
	n, heads, from, to := int(p.N), int(p.Heads), lo*boundTokens, min(hi*boundTokens, int(p.N))
	work, own := scratches.Get().(*scratch), scratches.Get().(*scratch)
	defer scratches.Put(work)
	defer scratches.Put(own)
	less := own.take(heads)
	for h := range less {
		m, sum := headStatsVec(work, view[float32](c, 1), h, int(p.Blocks))
		less[h] = m + log(sum)
	}
	bound := view[float32](c, 3)[from:to]
	simd.MaxLess(bound, view[float32](c, 0)[from:(heads-1)*n+to], n, less)
	simd.Peaks(view[float32](c, 4)[from/64*8:][:PeakWords(to-from)], bound)
}

// countVotes counts the votes of those alone whose bound is within the number of heads of a
// value that k bounds reach.
func countVotes(c *gpu.Call, lo, hi int) {
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
		most[h], sums[h] = headStatsVec(work, view[float32](c, 1), h, int(p.Blocks))
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

// chooseRows takes the k largest of the votes that vote_some has counted. With
// windows, those are of rows within half of a candidate whose own vote is among the k
// largest: as pooled votes are no less than the votes, the k-th of them is no less
// than the k-th vote.
func chooseRows(c *gpu.Call, _, _ int) {
	p := params[ChooseParams](c)
	count := view[uint32](c, 3)[:ceil(int(p.N), someTokens)]
	some := 0
	for _, n := range count {
		some += int(n)
	}
	work := scratches.Get().(*scratch)
	// Rows in order of position, each with the key of its vote.
	all := work.words(2*some + 2*min(int(p.N), some*int(2*p.Half+1)))
	votes, wide := all[:2*some], all[2*some:]
	row, vote, at := view[uint32](c, 0), view[float32](c, 1), 0
	for i, n := range count {
		for j := i * someTokens; n > 0; n-- {
			votes[at], votes[at+1] = row[j], sortKey(vote[j])
			at, j = at+2, j+1
		}
	}
	cut, rest := cutOf(votes[1:], 2, p.NSelect)
	if p.Half > 0 {
		votes = wide[:poolSome(wide, votes, cut, p)]
		cut, rest = cutOf(votes[1:], 2, p.NSelect)
	}
	sel := view[uint32](c, 4)
	at = 0
	for i := 1; i < len(votes); i += 2 {
		if key := votes[i]; key == cut && rest > 0 {
			rest--
		} else if key <= cut {
			continue
		}
		sel[at] = votes[i-1]
		at++
	}
	scratches.Put(work)
}

// cutOf is the k-th largest of keys, of which there is one every step words, and how
// many equal to it are among the k largest. Its digits are found one by one, as in top_k.
func cutOf(keys []uint32, step int, k uint32) (prefix, rest uint32) {
	rest = k
	for _, d := range [...]struct{ shift, bits uint32 }{{21, 11}, {10, 11}, {0, 10}} {
		var hist [bins]uint32
		for i := 0; i < len(keys); i += step {
			if key := keys[i]; key>>(d.shift+d.bits) == prefix {
				hist[key>>d.shift&(1<<d.bits-1)]++
			}
		}
		var bin uint32
		bin, rest = digit(hist[:1<<d.bits], rest)
		prefix = prefix<<d.bits | bin
	}
	return prefix, rest
}

// poolSome writes to wide the candidates' rows within half of those whose key is at
// least least, each with the largest such key of its window, and returns how many words
// these take.
func poolSome(wide, votes []uint32, least uint32, p *ChooseParams) (words int) {
	next := p.Lo // the first row behind all windows
	for i := 0; i < len(votes); i += 2 {
		row, key := votes[i], votes[i+1]
		if key < least {
			continue
		}
		from := max(row, p.Lo+p.Half) - p.Half
		next = max(next, from)
		// Of this window the rows in front of next are there, and the last ones: the
		// window before began no later.
		for at := words - 2*int(next-from); at < words; at += 2 {
			wide[at+1] = max(wide[at+1], key)
		}
		for ; next < min(row+p.Half+1, p.Lo+p.N); next++ {
			wide[words], wide[words+1] = next, key
			words += 2
		}
	}
	return words
}
