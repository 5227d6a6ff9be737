package kernels

import (
	"math"

	"tokenselect/engine/gpu"
)

// VoteParams are those of vote_stats, soft_vote, soft_vote_hist and head_stats.
type VoteParams struct {
	Heads  uint32
	N      uint32 // candidates
	Blocks uint32 // of candidates in the stats of a head
	Half   uint32 // of soft_vote_hist: candidates of a window to each side
}

const (
	statsTokens = 2048 // candidates of a workgroup of vote_stats
	voteTokens  = 256  // candidates of a workgroup of soft_vote
)

var voteStatsKernel single

func voteStats() *gpu.Kernel {
	return voteStatsKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "vote_stats",
			Bindings: []gpu.Binding{in("score"), in("state"), out("stats")},
			Params:   sizeOf[VoteParams](),
			WGSL:     wgsl("vote_stats", nil),
			Items: func(c *gpu.Call) int {
				p := params[VoteParams](c)
				return unlessHit(c, 1, int(p.Heads)*ceil(int(p.N), statsTokens))
			},
			Twin: func(c *gpu.Call, lo, hi int) {
				n := int(params[VoteParams](c).N)
				score, stats, blocks := view[float32](c, 0), view[float32](c, 2), ceil(n, statsTokens)
				for i := lo; i < hi; i++ {
					h, from := i/blocks, i%blocks*statsTokens
					s := score[h*n:][from:min(from+statsTokens, n)]
					stats[2*i], stats[2*i+1] = largestAndSum(s)
				}
			},
			Fast: fastVoteStats,
		}
	})
}

// largestAndSum is the largest score of a block and the sum of exp(score -
// largest).
func largestAndSum(score []float32) (m, sum float32) {
	m = maxOf(score)
	for _, v := range score {
		sum += exp(v - m)
	}
	return m, sum
}

func maxOf(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// VoteStats records what the softmax of each head needs: for each block of
// 2048 candidates the largest score and the sum of exp(score - largest), as
// stats[head][block][2]. score is [heads][n]. One workgroup a block.
func VoteStats(r *gpu.Recording, score, state, stats gpu.Range, heads, n int) {
	need(r, voteStats(), 0, score, heads*n)
	need(r, voteStats(), 1, state, stateWords)
	need(r, voteStats(), 2, stats, StatsWords(heads, n))
	gpu.Dispatch(r, voteStats(), heads*ceil(n, statsTokens), &VoteParams{Heads: uint32(heads), N: uint32(n), Blocks: uint32(ceil(n, statsTokens))}, score, state, stats)
}

// StatsBlocks is the number of blocks of VoteStats' stats of n candidates.
func StatsBlocks(n int) int { return ceil(n, statsTokens) }

// StatsWords is the size of VoteStats' stats of n candidates.
func StatsWords(heads, n int) int { return 2 * heads * StatsBlocks(n) }

var softVoteKernels family[voteShape]

func softVote(s voteShape) *gpu.Kernel {
	return softVoteKernels.get(s, func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "soft_vote",
			Bindings: []gpu.Binding{in("score"), in("stats"), in("state"), out("vote")},
			Params:   sizeOf[VoteParams](),
			WGSL:     wgsl("soft_vote", s.consts()),
			Items: func(c *gpu.Call) int {
				return unlessHit(c, 2, ceil(int(params[VoteParams](c).N), voteTokens))
			},
			Twin: softVotes,
			Fast: fastSoftVote,
		}
	})
}

// voteShape tells apart the kernels of the soft vote.
type voteShape struct {
	share int // candidates of an invocation
	heads int // whose stats a workgroup merges at a time
}

// consts are the numbers of lib/soft_vote: an invocation has 16 scores on the way, as
// many as large GPUs keep in registers, beside the 16 that it votes with.
func (s voteShape) consts() map[string]int {
	ahead := min(16/s.share, s.heads)
	return map[string]int{"SHARE": s.share, "AHEAD": ahead, "SCORES": s.share * ahead, "HEADS": s.heads, "LANES": voteTokens / s.heads}
}

// softVotes is the twin of soft_vote, and the first half of soft_vote_hist's.
func softVotes(c *gpu.Call, lo, hi int) {
	p := params[VoteParams](c)
	n, score, vote := int(p.N), view[float32](c, 0), view[float32](c, 3)
	for t := lo * voteTokens; t < min(hi*voteTokens, n); t++ {
		vote[t] = 0
	}
	for h := range int(p.Heads) {
		m, sum := headStats(view[float32](c, 1), h, int(p.Blocks))
		inv := 1 / sum
		for t := lo * voteTokens; t < min(hi*voteTokens, n); t++ {
			vote[t] += float32(exp(score[h*n+t]-m) * inv)
		}
	}
}

// headStats merges the blocks of a head's stats: its largest score and the sum
// of exp(score - largest).
func headStats(stats []float32, h, blocks int) (m, sum float32) {
	s := stats[2*h*blocks:][:2*blocks]
	m = float32(math.Inf(-1))
	for b := range blocks {
		m = max(m, s[2*b])
	}
	for b := range blocks {
		sum += float32(s[2*b+1] * exp(s[2*b]-m))
	}
	return m, sum
}

// SoftVote records vote[t] = sum over heads of softmax(score[h])[t] (paper, eq.
// 7), in float32, from the result of VoteStats or ScoreStats, which has blocks
// blocks of candidates for each head. Equal scores give equal votes wherever they
// stand. A workgroup takes 256 candidates, of many 512 or 1024.
func SoftVote(r *gpu.Recording, score, stats, state, vote gpu.Range, heads, n, blocks int) {
	shape := voteShapeOf(heads, n)
	kern := softVote(shape)
	need(r, kern, 0, score, heads*n)
	need(r, kern, 1, stats, 2*heads*blocks)
	need(r, kern, 2, state, stateWords)
	need(r, kern, 3, vote, n)
	gpu.Dispatch(r, kern, ceil(n, shape.share*voteTokens), &VoteParams{Heads: uint32(heads), N: uint32(n), Blocks: uint32(blocks)}, score, stats, state, vote)
}

// voteShares are the numbers of candidates of an invocation: every workgroup
// merges all stats, so where they are many, it takes more. voteHeads are those of
// heads that are merged at a time: of fewer, each has more invocations.
var (
	voteShares = []int{1, 2, 4}
	voteHeads  = []int{8, 16, 32}
)

func voteShapeOf(heads, n int) voteShape {
	s := voteShape{share: voteShares[0]}
	for _, s.heads = range voteHeads {
		if heads <= s.heads {
			break
		}
	}
	switch {
	case n >= 512<<10:
		s.share = voteShares[2]
	case n >= 64<<10:
		s.share = voteShares[1]
	}
	return s
}
