package kernels

import (
	"fmt"
	"math"

	"tokenselect/engine/gpu"
)

// Top-k is a radix select: three histograms of the votes' keys (their highest
// 11 bits, then 11, then 10, each among the votes that share the digits chosen
// before) find the k-th largest key exactly; then each block counts what it
// holds above and at that key, and writes its part of the selection. Nothing is
// sorted, the result is in order of position, equal votes go to the lower row,
// and it is the same on every run.
//
// The digit that a histogram decides is worked out at the start of the next
// kernel, by every workgroup for itself, which saves a dispatch in between.
// hist holds the three histograms, each cleared by a round that does not use it
// and before the round that fills it, so that it starts and ends ready for the
// next selection. cut holds what has been decided:
const (
	cutPrefix1 = 0 // after the first digit: its value,
	cutRest1   = 1 // and how many of the k lie at or below it
	cutPrefix2 = 2 // after the second digit
	cutRest2   = 3
	cutKey     = 4 // the key of the k-th largest vote
	cutEqual   = 5 // how many votes of that very key are taken
	cutWords   = 6
)

const (
	bins      = 2048
	topKBlock = 2048 // votes of a workgroup of the top_k kernels

	// HistWords is the size of hist, which must start as zeros.
	HistWords = 3 * bins
	// CutWords is the size of cut.
	CutWords = cutWords
)

// TopKParams are those of top_k_hist, top_k_count and top_k_write.
type TopKParams struct {
	N       uint32 // candidates
	NSelect uint32 // k
	Round   uint32 // of top_k_hist: 0, 1, 2
	Lo      uint32 // row of candidate 0
}

// sortKey orders float32 values as unsigned integers do; NaN comes first.
func sortKey(v float32) uint32 {
	b := math.Float32bits(v)
	if b&^(1<<31) > 0x7f800000 {
		return 0
	}
	return b ^ (uint32(int32(b)>>31) | 1<<31) // negative values the other way round
}

// digit finds the bin of a histogram in which the rest-th largest lies, and how
// many of rest are left for that bin.
func digit(hist []uint32, rest uint32) (bin, left uint32) {
	for b := len(hist) - 1; b > 0; b-- {
		if hist[b] >= rest {
			return uint32(b), rest
		}
		rest -= hist[b]
	}
	return 0, rest
}

var topKHistKernel single

func topKHist() *gpu.Kernel {
	return topKHistKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "top_k_hist",
			Bindings: []gpu.Binding{in("vote"), in("state"), out("hist"), out("cut")},
			Params:   sizeOf[TopKParams](),
			WGSL:     wgsl("top_k_hist", nil),
			Items:    func(c *gpu.Call) int { return unlessHit(c, 1, 1) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[TopKParams](c)
				vote, hist, cut := view[float32](c, 0)[:p.N], view[uint32](c, 2), view[uint32](c, 3)
				first, second, third := hist[:bins], hist[bins:2*bins], hist[2*bins:3*bins]
				switch p.Round {
				case 0:
					clear(second)
					for _, v := range vote {
						first[sortKey(v)>>21]++
					}
				case 1:
					cut[cutPrefix1], cut[cutRest1] = digit(first, p.NSelect)
					clear(third)
					for _, v := range vote {
						if key := sortKey(v); key>>21 == cut[cutPrefix1] {
							second[key>>10&(bins-1)]++
						}
					}
				case 2:
					bin, rest := digit(second, cut[cutRest1])
					cut[cutPrefix2], cut[cutRest2] = cut[cutPrefix1]<<11|bin, rest
					clear(first)
					for _, v := range vote {
						if key := sortKey(v); key>>10 == cut[cutPrefix2] {
							third[key&(bins/2-1)]++
						}
					}
				}
			},
		}
	})
}

var topKCountKernel single

func topKCount() *gpu.Kernel {
	return topKCountKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "top_k_count",
			Bindings: []gpu.Binding{in("vote"), in("state"), in("hist"), out("cut"), out("counts")},
			Params:   sizeOf[TopKParams](),
			WGSL:     wgsl("top_k_count", nil),
			Items:    func(c *gpu.Call) int { return unlessHit(c, 1, 1) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[TopKParams](c)
				vote, third, cut, counts := view[float32](c, 0)[:p.N], view[uint32](c, 2)[2*bins:3*bins], view[uint32](c, 3), view[uint32](c, 4)
				bin, equal := digit(third, cut[cutRest2])
				key := cut[cutPrefix2]<<10 | bin
				cut[cutKey], cut[cutEqual] = key, equal
				for b := range ceil(len(vote), topKBlock) {
					var above, at uint32
					for _, v := range vote[b*topKBlock : min((b+1)*topKBlock, len(vote))] {
						switch s := sortKey(v); {
						case s > key:
							above++
						case s == key:
							at++
						}
					}
					counts[2*b], counts[2*b+1] = above, at
				}
			},
		}
	})
}

var topKWriteKernel single

func topKWrite() *gpu.Kernel {
	return topKWriteKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "top_k_write",
			Bindings: []gpu.Binding{in("vote"), in("state"), in("cut"), in("counts"), out("sel")},
			Params:   sizeOf[TopKParams](),
			WGSL:     wgsl("top_k_write", nil),
			Items:    func(c *gpu.Call) int { return unlessHit(c, 1, 1) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[TopKParams](c)
				vote, cut, sel := view[float32](c, 0)[:p.N], view[uint32](c, 2), view[uint32](c, 4)
				key, equal, at := cut[cutKey], cut[cutEqual], 0
				for t, v := range vote {
					s := sortKey(v)
					if s == key && equal > 0 {
						equal--
					} else if s <= key {
						continue
					}
					sel[at] = p.Lo + uint32(t)
					at++
				}
			},
		}
	})
}

// TopK records sel = the rows of the k largest of n votes, in order of position
// (paper, eq. 7: TopK): row lo+t for candidate t. 1 <= k <= n. Nothing is
// written on a hit. counts holds CountWords(n) words, hist HistWords and cut
// CutWords, which must not be used by anything else between selections.
func TopK(r *gpu.Recording, vote, state, hist, cut, counts, sel gpu.Range, n, k, lo int) {
	if k < 1 || k > n {
		r.Fail(fmt.Errorf("kernels: top_k: %d of %d candidates to select, expected 1 to %d", k, n, n))
		return
	}
	need(r, topKHist(), 0, vote, n)
	need(r, topKHist(), 1, state, stateWords)
	need(r, topKHist(), 2, hist, HistWords)
	need(r, topKHist(), 3, cut, CutWords)
	need(r, topKCount(), 4, counts, CountWords(n))
	need(r, topKWrite(), 4, sel, k)
	p := TopKParams{uint32(n), uint32(k), 0, uint32(lo)}
	blocks := ceil(n, topKBlock)
	for p.Round = range 3 {
		gpu.Dispatch(r, topKHist(), blocks, &p, vote, state, hist, cut)
	}
	gpu.Dispatch(r, topKCount(), blocks, &p, vote, state, hist, cut, counts)
	gpu.Dispatch(r, topKWrite(), blocks, &p, vote, state, cut, counts, sel)
}

// CountWords is the size of top-k's counts for n candidates.
func CountWords(n int) int { return 2 * ceil(n, topKBlock) }
