package kernels

import (
	"fmt"
	"math"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

var headStatsKernel single

func headStatsMerge() *gpu.Kernel {
	return headStatsKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "head_stats",
			Bindings: []gpu.Binding{in("stats"), in("state"), out("of_head")},
			Params:   sizeOf[VoteParams](),
			WGSL:     wgsl("head_stats", nil),
			Items:    func(c *gpu.Call) int { return unlessHit(c, 1, int(params[VoteParams](c).Heads)) },
			Twin: func(c *gpu.Call, lo, hi int) {
				ofHead := view[float32](c, 2)
				for h := lo; h < hi; h++ {
					m, sum := headStats(view[float32](c, 0), h, int(params[VoteParams](c).Blocks))
					ofHead[2*h], ofHead[2*h+1] = m, 1/sum
				}
			},
		}
	})
}

// HeadStats records what the softmax of each head over n candidates is computed
// with, as ofHead[heads][2]: the largest score and 1 over the sum of exp(score -
// largest), from the result of VoteStats or ScoreStats, of blocks blocks a head.
// Nothing is written on a hit. One workgroup a head.
func HeadStats(r *gpu.Recording, stats, state, ofHead gpu.Range, heads, n, blocks int) {
	k := headStatsMerge()
	need(r, k, 0, stats, 2*heads*blocks)
	need(r, k, 1, state, stateWords)
	need(r, k, 2, ofHead, 2*heads)
	gpu.Dispatch(r, k, heads, &VoteParams{Heads: uint32(heads), N: uint32(n), Blocks: uint32(blocks)}, stats, state, ofHead)
}

// VoteMode is what VoteSum makes a vote of.
type VoteMode uint32

// The modes of VoteSum. Of ofHead, VoteCount asks for a cut of HeadCut, those of
// masses for HeadStats'; VoteScores does not look at it.
const (
	// VoteScores is the sum of the heads' scores (paper, eq. 5).
	VoteScores VoteMode = iota
	// VoteMass is the sum of the heads' softmax (paper, eq. 7), as SoftVote has it.
	VoteMass
	// VoteMassBF16 is that with each head's part and the sum rounded to bfloat16, as
	// the paper's released code has it.
	VoteMassBF16
	// VoteCount is the number of heads that have the candidate among their largest
	// (paper, eq. 6). Candidates of one number are ordered by what was their vote
	// before: it stays in the bits below the number's, to 15 bits of its mantissa.
	VoteCount
)

// VoteSumParams are those of vote_sum.
type VoteSumParams struct {
	Heads uint32
	N     uint32 // candidates
	Mode  VoteMode
	Add   uint32 // 1: masses join the votes that are there
}

const maxVoters = 254 // heads that VoteCount has bits for

var voteSumKernel single

func voteSum() *gpu.Kernel {
	return voteSumKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "vote_sum",
			Bindings: []gpu.Binding{in("score"), in("of_head"), in("state"), out("vote")},
			Params:   sizeOf[VoteSumParams](),
			WGSL:     wgsl("vote_sum", nil),
			Items:    func(c *gpu.Call) int { return unlessHit(c, 2, ceil(int(params[VoteSumParams](c).N), voteTokens)) },
			Twin:     voteSums,
			Fast:     fastVoteSum,
		}
	})
}

func voteSums(c *gpu.Call, lo, hi int) {
	p := params[VoteSumParams](c)
	n, heads := int(p.N), int(p.Heads)
	score, ofHead, vote := view[float32](c, 0), view[uint32](c, 1), view[uint32](c, 3)
	for t := lo * voteTokens; t < min(hi*voteTokens, n); t++ {
		before, sum, count := vote[t], float32(0), uint32(0)
		if p.Add != 0 {
			sum = math.Float32frombits(before)
		}
		for h := range heads {
			v := score[h*n+t]
			switch p.Mode {
			case VoteScores:
				sum += v
			case VoteMass, VoteMassBF16:
				m, inv := inverse(ofHead[2*h:])
				mass := float32(exp(v-m) * inv)
				if p.Mode == VoteMassBF16 {
					mass = toBF16(mass)
				}
				sum += mass
			default:
				if above(ofHead[2*h:], v, t) {
					count++
				}
			}
		}
		switch p.Mode {
		case VoteMassBF16:
			vote[t] = math.Float32bits(toBF16(sum))
		case VoteCount:
			vote[t] = count<<23 | before>>8
		default:
			vote[t] = math.Float32bits(sum)
		}
	}
}

// fastVoteSum has the exponentials of VoteMass in vectors.
func fastVoteSum(c *gpu.Call, lo, hi int) {
	p := params[VoteSumParams](c)
	if p.Mode != VoteMass {
		voteSums(c, lo, hi)
		return
	}
	n, heads := int(p.N), int(p.Heads)
	score, ofHead := view[float32](c, 0), view[uint32](c, 1)
	for i := lo; i < hi; i++ {
		from, to := i*voteTokens, min((i+1)*voteTokens, n)
		vote := view[float32](c, 3)[from:to]
		if p.Add == 0 {
			clear(vote)
		}
		for h := range heads {
			m, inv := inverse(ofHead[2*h:])
			simd.AddExp(vote, score[h*n+from:h*n+to], m, inv)
		}
	}
}

// VoteSum records the votes [n] of n candidates, of the scores of heads heads, as
// mode says. score is [heads][n] and ofHead [heads][2]. With add, masses join the
// votes that are there. Before VoteCount votes are masses: neither negative nor NaN.
// Nothing is written on a hit. A workgroup takes 256 candidates.
func VoteSum(r *gpu.Recording, mode VoteMode, score, ofHead, state, vote gpu.Range, heads, n int, add bool) {
	if mode == VoteCount && heads > maxVoters {
		r.Fail(fmt.Errorf("kernels: vote_sum: %d heads to count, expected at most %d", heads, maxVoters))
		return
	}
	need(r, voteSum(), 0, score, heads*n)
	if mode != VoteScores {
		need(r, voteSum(), 1, ofHead, 2*heads)
	}
	need(r, voteSum(), 2, state, stateWords)
	need(r, voteSum(), 3, vote, n)
	p := VoteSumParams{uint32(heads), uint32(n), mode, 0}
	if add {
		p.Add = 1
	}
	gpu.Dispatch(r, voteSum(), ceil(n, voteTokens), &p, score, ofHead, state, vote)
}
