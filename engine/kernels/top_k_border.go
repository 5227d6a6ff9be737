package kernels

import (
	"fmt"
	"slices"

	"tokenselect/engine/gpu"
)

// SoftVoteHist and TopKBorder are SoftVote and TopK in three kernels instead of
// six. The vote also counts what it finds, in bins that are even in the votes' logarithm; the border,
// the bin of the k-th largest vote, is copied to a list, as all above it is chosen
// and all below is not; and what the list decides is worked out by every
// workgroup of the last kernel for itself.
//
// hist holds the bins and how many votes the border has. The bins are cleared by
// the last kernel, so that they start and end ready for the next selection.
const (
	borderCount = bins // place in hist
	binShift    = 18   // votes of a bin differ in these bits alone, but in the first and the last
	binFirst    = 69 << (23 - binShift)

	// VoteHistWords is the size of hist, which must start as zeros.
	VoteHistWords = bins + 1
)

// VoteBin is the bin of a vote in SoftVoteHist's histogram: 32 to an octave from 2^-58 to 64.
func VoteBin(v float32) uint32 {
	key := sortKey(v)
	octaves := key &^ (1 << 31) >> binShift
	if key < 1<<31 || octaves < binFirst {
		return 0
	}
	return min(octaves-binFirst, bins-1)
}

var softVoteHists family[voteShape]

func softVoteHist(s voteShape) *gpu.Kernel {
	return softVoteHists.get(s, func() *gpu.Kernel {
		kern := &gpu.Kernel{
			Name:     "soft_vote_hist",
			Bindings: []gpu.Binding{in("score"), in("stats"), in("state"), out("vote"), out("hist")},
			Params:   sizeOf[VoteParams](),
			WGSL:     wgsl("soft_vote_hist", s.consts()),
			Items:    func(c *gpu.Call) int { return unlessHit(c, 2, 1) },
		}
		if !lean { // where closures are made, spare would not keep it out
			kern.Twin = countedVotes
		}
		return kern
	})
}

// countedVotes is the twin of soft_vote_hist.
func countedVotes(c *gpu.Call, _, _ int) {
	p := params[VoteParams](c)
	n := int(p.N)
	softVotes(c, 0, ceil(n, voteTokens))
	vote, hist := view[uint32](c, 3)[:n], view[uint32](c, 4)
	if p.Half > 0 {
		pool(vote, slices.Clone(vote), 0, n, int(p.Half))
	}
	hist[borderCount] = 0
	for _, v := range view[float32](c, 3)[:n] {
		hist[VoteBin(v)]++
	}
}

var topKBorder = &gpu.Kernel{
	Name:     "top_k_border",
	Bindings: []gpu.Binding{in("vote"), in("state"), out("hist"), out("cut"), out("counts"), out("border")},
	Params:   sizeOf[TopKParams](),
	WGSL:     wgsl("top_k_border", nil),
	Items:    func(c *gpu.Call) int { return unlessHit(c, 1, 1) },
	Twin: spare(func(c *gpu.Call, _, _ int) {
		p := params[TopKParams](c)
		vote, hist, cut := view[float32](c, 0)[:p.N], view[uint32](c, 2), view[uint32](c, 3)
		counts, border := view[uint32](c, 4), view[uint32](c, 5)
		bin, rest := digit(hist[:bins], p.NSelect)
		cut[cutPrefix1], cut[cutRest1] = bin, rest
		clear(counts[:ceil(len(vote), topKBlock)])
		for t, v := range vote {
			switch b := VoteBin(v); {
			case b > bin:
				counts[t/topKBlock]++
			case b == bin:
				at := hist[borderCount]
				border[2*at], border[2*at+1] = sortKey(v), uint32(t)
				hist[borderCount]++
			}
		}
	}),
}

var topKTake = &gpu.Kernel{
	Name:     "top_k_take",
	Bindings: []gpu.Binding{in("vote"), in("state"), in("cut"), in("counts"), in("border"), out("hist"), out("sel")},
	Params:   sizeOf[TopKParams](),
	WGSL:     wgsl("top_k_take", nil),
	Items:    func(c *gpu.Call) int { return unlessHit(c, 1, 1) },
	Twin: spare(func(c *gpu.Call, _, _ int) {
		p := params[TopKParams](c)
		vote, cut, border := view[float32](c, 0)[:p.N], view[uint32](c, 2), view[uint32](c, 4)
		hist, sel := view[uint32](c, 5), view[uint32](c, 6)
		// The key that rest of the border's lie at or above, digit by digit.
		key, rest := uint32(0), cut[cutRest1]
		for bit := 31; bit >= 0; bit-- {
			ones := uint32(0)
			for e := range hist[borderCount] {
				if border[2*e]>>bit == key>>bit|1 {
					ones++
				}
			}
			if ones >= rest {
				key |= 1 << bit
			} else {
				rest -= ones
			}
		}
		at := 0
		for t, v := range vote {
			s := sortKey(v)
			if s == key && rest > 0 {
				rest--
			} else if s <= key {
				continue
			}
			sel[at] = p.Lo + uint32(t)
			at++
		}
		clear(hist[:bins])
	}),
}

// SoftVoteHist records SoftVote from ScoreStats' stats of blocks blocks a head, with the histogram of the
// votes that TopKBorder starts from. hist holds VoteHistWords, which nothing else
// may use between selections; the rest is as in SoftVote. With half, 0 to MaxHalf,
// both are of votes as MaxPool makes them: vote[t] = the largest of candidates t-half
// to t+half.
func SoftVoteHist(r *gpu.Recording, score, stats, state, vote, hist gpu.Range, heads, n, blocks, half int) {
	if !needHalf(r, "soft_vote_hist", half) {
		return
	}
	shape := voteShapeOf(heads, n)
	kern := softVoteHist(shape)
	need(r, kern, 0, score, heads*n)
	need(r, kern, 1, stats, 2*heads*blocks)
	need(r, kern, 2, state, stateWords)
	need(r, kern, 3, vote, n)
	need(r, kern, 4, hist, VoteHistWords)
	gpu.Dispatch(r, kern, ceil(n, shape.share*voteTokens-2*half), &VoteParams{uint32(heads), uint32(n), uint32(blocks), uint32(half)}, score, stats, state, vote, hist)
}

// MaxHalf is how far a window of pooled votes may reach to each side, for
// SoftVoteHist and Choose: what a workgroup shares with the next ones it votes for in
// vain.
const MaxHalf = 8

// needHalf fails the recording and returns false where a window is too wide.
func needHalf(r *gpu.Recording, kernel string, half int) bool {
	if half < 0 || half > MaxHalf {
		r.Fail(fmt.Errorf("kernels: %s: a window of %d candidates to each side, expected 0 to %d", kernel, half, MaxHalf))
		return false
	}
	return true
}

// TopKBorder records what TopK does, after SoftVoteHist: sel = the rows of the k
// largest of n votes, in order of position (paper, eq. 7: TopK): row lo+t for
// candidate t. 1 <= k <= n. Nothing is written on a hit. cut holds CutWords,
// counts CountWords(n) and border BorderWords(n) words. A workgroup takes 2048
// votes.
func TopKBorder(r *gpu.Recording, vote, state, hist, cut, counts, border, sel gpu.Range, n, k, lo int) {
	if k < 1 || k > n {
		r.Fail(fmt.Errorf("kernels: top_k: %d of %d candidates to select, expected 1 to %d", k, n, n))
		return
	}
	need(r, topKBorder, 0, vote, n)
	need(r, topKBorder, 1, state, stateWords)
	need(r, topKBorder, 2, hist, VoteHistWords)
	need(r, topKBorder, 3, cut, CutWords)
	need(r, topKBorder, 4, counts, CountWords(n))
	need(r, topKBorder, 5, border, BorderWords(n))
	need(r, topKTake, 6, sel, k)
	p, blocks := TopKParams{N: uint32(n), NSelect: uint32(k), Lo: uint32(lo)}, ceil(n, topKBlock)
	gpu.Dispatch(r, topKBorder, blocks, &p, vote, state, hist, cut, counts, border)
	gpu.Dispatch(r, topKTake, blocks, &p, vote, state, cut, counts, border, hist, sel)
}

// BorderWords is the size of the border of n candidates, which may be all of them.
func BorderWords(n int) int { return 2 * n }
