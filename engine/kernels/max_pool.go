package kernels

import "tokenselect/engine/gpu"

// MaxPoolParams are those of max_pool.
type MaxPoolParams struct {
	N     uint32 // candidates
	Lists uint32
	Half  uint32 // candidates of a window to each side
}

var maxPoolKernel single

func maxPool() *gpu.Kernel {
	return maxPoolKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "max_pool",
			Bindings: []gpu.Binding{in("x"), out("pooled")},
			Params:   sizeOf[MaxPoolParams](),
			WGSL:     wgsl("max_pool", nil),
			Items: func(c *gpu.Call) int {
				p := params[MaxPoolParams](c)
				return int(p.Lists) * ceil(int(p.N), voteTokens)
			},
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[MaxPoolParams](c)
				n, half, blocks := int(p.N), int(p.Half), ceil(int(p.N), voteTokens)
				for i := lo; i < hi; i++ {
					list, from := i/blocks, i%blocks*voteTokens
					pool(view[uint32](c, 1)[list*n:], view[uint32](c, 0)[list*n:][:n], from, min(from+voteTokens, n), half)
				}
			},
		}
	})
}

// pool is the twin of max_pool for candidates from to to, and of what soft_vote_hist
// does with votes: pooled[t] = the largest of vote within half of t.
func pool(pooled, vote []uint32, from, to, half int) {
	for t := from; t < to; t++ {
		most := uint32(0)
		for _, v := range vote[max(t-half, 0):min(t+half+1, len(vote))] {
			most = max(most, v)
		}
		pooled[t] = most
	}
}

// MaxPool records pooled[t] = the largest x of candidates t-half to t+half, of the n of
// each of lists lists: SnapKV's pooling, with a window of 2*half+1. x and pooled are
// [lists][n], values neither negative nor NaN. A workgroup takes 256 candidates of a
// list.
func MaxPool(r *gpu.Recording, x, pooled gpu.Range, n, lists, half int) {
	need(r, maxPool(), 0, x, lists*n)
	need(r, maxPool(), 1, pooled, lists*n)
	gpu.Dispatch(r, maxPool(), lists*ceil(n, voteTokens), &MaxPoolParams{uint32(n), uint32(lists), uint32(half)}, x, pooled)
}
