package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// TopPParams are those of top_p.
type TopPParams struct {
	Lists     uint32
	Stride    uint32 // votes from list to list
	SelStride uint32 // rows from list to list
	NSelect   uint32 // k
	Lo        uint32 // row of candidate 0
	Least     uint32 // rows that stay in any case
	Mass      float32
}

var topPKernel single

func topP() *gpu.Kernel {
	return topPKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "top_p",
			Bindings: []gpu.Binding{in("order"), in("vote"), in("state"), out("sel"), out("chosen")},
			Params:   sizeOf[TopPParams](),
			WGSL:     wgsl("top_p", nil),
			Items:    func(c *gpu.Call) int { return unlessHit(c, 2, int(params[TopPParams](c).Lists)) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[TopPParams](c)
				for l := lo; l < hi; l++ {
					order, vote := view[uint32](c, 0)[l*int(p.Stride):], view[float32](c, 1)[l*int(p.Stride):]
					sel := view[uint32](c, 3)[l*int(p.SelStride):][:p.NSelect]
					byMass, byCount := uint32(0), uint32(0)
					for bit := uint32(1 << 30); bit > 0; bit >>= 1 {
						mass, count := float32(0), uint32(0)
						for _, row := range sel {
							if order[row-p.Lo] >= byMass|bit {
								mass += vote[row-p.Lo]
							}
							if order[row-p.Lo] >= byCount|bit {
								count++
							}
						}
						if mass >= p.Mass {
							byMass |= bit
						}
						if count >= p.Least {
							byCount |= bit
						}
					}
					kept := uint32(0)
					for _, row := range sel {
						if order[row-p.Lo] >= min(byMass, byCount) {
							sel[kept] = row
							kept++
						}
					}
					view[uint32](c, 4)[l] = kept
				}
			},
		}
	})
}

// TopP records an adaptive budget: of the k rows that each of lists lists has in sel,
// [lists][selStride], those stay that together have mass mass in vote, taken in the
// order of their votes in order, and at least least of them; those with equal votes
// stay together. order and vote are [lists][stride], and may be one; of row lo they
// have the vote first; their values are neither negative nor NaN. chosen [lists] is
// how many rows have stayed, in order of position. 1 <= least <= k. Nothing is
// written on a hit. One workgroup a list.
func TopP(r *gpu.Recording, order, vote, state, sel, chosen gpu.Range, lists, stride, selStride, k, lo, least int, mass float32) {
	if least < 1 || least > k || selStride < k {
		r.Fail(fmt.Errorf("kernels: top_p: at least %d of %d rows, %d words from list to list, expected 1 to %d and %d words or more", least, k, selStride, k, k))
		return
	}
	need(r, topP(), 0, order, (lists-1)*stride+k)
	need(r, topP(), 1, vote, (lists-1)*stride+k)
	need(r, topP(), 2, state, stateWords)
	need(r, topP(), 3, sel, (lists-1)*selStride+k)
	need(r, topP(), 4, chosen, lists)
	p := TopPParams{uint32(lists), uint32(stride), uint32(selStride), uint32(k), uint32(lo), uint32(least), mass}
	gpu.Dispatch(r, topP(), lists, &p, order, vote, state, sel, chosen)
}
