package kernels

import (
	"fmt"
	"math"

	"tokenselect/engine/gpu"
)

// HeadCutParams are those of head_cut.
type HeadCutParams struct {
	Heads uint32
	N     uint32 // candidates
	K     uint32
}

var headCutKernel single

func headCut() *gpu.Kernel {
	return headCutKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "head_cut",
			Bindings: []gpu.Binding{in("score"), in("state"), out("cut")},
			Params:   sizeOf[HeadCutParams](),
			WGSL:     wgsl("head_cut", nil),
			Items:    func(c *gpu.Call) int { return unlessHit(c, 1, int(params[HeadCutParams](c).Heads)) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[HeadCutParams](c)
				n, cut := int(p.N), view[uint32](c, 2)
				keys := make([]uint32, n)
				for h := lo; h < hi; h++ {
					for t, v := range view[float32](c, 0)[h*n:][:n] {
						keys[t] = sortKey(v)
					}
					border, rest := cutOf(keys, 1, p.K)
					for t, key := range keys {
						if key != border {
							continue
						}
						if rest--; rest == 0 {
							cut[2*h], cut[2*h+1] = border, uint32(t)
							break
						}
					}
				}
			},
		}
	})
}

// HeadCut records where the k largest of the n scores of each head end (paper, eq.
// 6: TopK of one head), as cut[heads][2]: the key of the k-th largest and the last
// candidate of that key that is among the k, as of equal scores the first are
// taken. score is [heads][n]; 1 <= k <= n. Nothing is written on a hit. One
// workgroup a head.
func HeadCut(r *gpu.Recording, score, state, cut gpu.Range, heads, n, k int) {
	if k < 1 || k > n {
		r.Fail(fmt.Errorf("kernels: head_cut: the largest %d of %d scores, expected 1 to %d", k, n, n))
		return
	}
	need(r, headCut(), 0, score, heads*n)
	need(r, headCut(), 1, state, stateWords)
	need(r, headCut(), 2, cut, 2*heads)
	gpu.Dispatch(r, headCut(), heads, &HeadCutParams{uint32(heads), uint32(n), uint32(k)}, score, state, cut)
}

// above tells whether score t of a head is among those that a cut is the end of.
func above(cut []uint32, v float32, t int) bool {
	key := sortKey(v)
	return key > cut[0] || key == cut[0] && uint32(t) <= cut[1]
}

// inverse is what head_stats has of a head: its largest score, and 1 over the sum.
func inverse(ofHead []uint32) (most, inv float32) {
	return math.Float32frombits(ofHead[0]), math.Float32frombits(ofHead[1])
}
