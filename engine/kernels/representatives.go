//go:build !lean

package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// RepresentativesParams are those of representatives.
type RepresentativesParams struct {
	First  uint32 // block
	Blocks uint32
	Block  uint32 // rows of a block
	Heads  uint32
	R      uint32
	Lo     uint32 // row of block 0
}

var representativesKernel single

func representatives() *gpu.Kernel {
	return representativesKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "representatives",
			Bindings: []gpu.Binding{in("score"), out("chosen")},
			Params:   sizeOf[RepresentativesParams](),
			WGSL:     wgsl("representatives", nil),
			Items:    func(c *gpu.Call) int { p := params[RepresentativesParams](c); return int(p.Blocks * p.Heads) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[RepresentativesParams](c)
				heads, block, r := int(p.Heads), int(p.Block), int(p.R)
				for i := lo; i < hi; i++ {
					score := view[float32](c, 0)[i*block:][:block]
					at := int(p.First) + i/heads
					chosen := view[uint32](c, 1)[(at*heads+i%heads)*r:][:r]
					taken := make([]bool, block)
					for j := range chosen {
						best := -1
						for t, s := range score {
							if !taken[t] && (best < 0 || sortKey(s) > sortKey(score[best])) {
								best = t
							}
						}
						taken[best] = true
						chosen[j] = p.Lo + uint32(at*block+best)
					}
				}
			},
		}
	})
}

// Representatives records the rows of the n keys with the largest scores of each
// of blocks blocks from block first on, for each head, the largest first: equal
// scores go to the lower row, NaN is the least. Block 0 starts at row lo. score is
// FollowScores', [blocks][heads][block]; chosen is u32 [first+blocks][heads][n]. A
// workgroup takes 64 times a block and a head.
func Representatives(r *gpu.Recording, score, chosen gpu.Range, heads, first, blocks, block, n, lo int) {
	if heads < 1 || first < 0 || blocks < 1 || n < 1 || n > block || lo < 0 {
		r.Fail(fmt.Errorf("kernels: representatives: %d of blocks of %d keys, %d blocks from the %dth on for %d heads: expected some, and no more than there are", n, block, blocks, first, heads))
		return
	}
	need(r, representatives(), 0, score, blocks*heads*block)
	need(r, representatives(), 1, chosen, (first+blocks)*heads*n)
	gpu.Dispatch(r, representatives(), ceil(blocks*heads, 64), &RepresentativesParams{uint32(first), uint32(blocks), uint32(block), uint32(heads), uint32(n), uint32(lo)}, score, chosen)
}

// BlockScoresParams are those of block_scores.
type BlockScoresParams struct {
	Blocks  uint32
	R       uint32
	Heads   uint32
	KVHeads uint32
	Vecs    uint32 // vectors of four in a head
}

var blockScoresKernels family[CacheType]

func blockScores(t CacheType) *gpu.Kernel {
	return blockScoresKernels.get(t, func() *gpu.Kernel {
		name := "block_scores_" + t.String()
		return &gpu.Kernel{
			Name:     name,
			Bindings: []gpu.Binding{in("q"), in("k"), in("chosen"), out("score")},
			Params:   sizeOf[BlockScoresParams](),
			WGSL:     wgsl(name, nil),
			Items:    func(c *gpu.Call) int { return int(params[BlockScoresParams](c).Blocks) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[BlockScoresParams](c)
				q, k, chosen, score := view[float32](c, 0), t.view(c, 1), view[uint32](c, 2), view[float32](c, 3)
				heads, kvHeads, d, r := int(p.Heads), int(p.KVHeads), 4*int(p.Vecs), int(p.R)
				key := make([]float32, d)
				for block := lo; block < hi; block++ {
					var s float32
					for h := range heads {
						for _, row := range chosen[(block*heads+h)*r:][:r] {
							k.read(key, (int(row)*kvHeads+h/(heads/kvHeads))*d)
							s += dot(q[h*d:][:d], key)
						}
					}
					score[block] = s
				}
			},
		}
	})
}

// BlockScores records the relevance of each block: the sum of q . K over the heads
// and the n representatives that Representatives chose for each (InfLLM, section
// 3.2). q is [heads][d], k a layer's keys, [rows][kvHeads][d], of which chosen
// names rows only below rows; score is [blocks]. A workgroup takes 64 blocks.
func BlockScores(r *gpu.Recording, t CacheType, q, k, chosen, score gpu.Range, heads, kvHeads, d, rows, blocks, n int) {
	kern := blockScores(t)
	if needHeads(r, kern.Name, heads, kvHeads, d) == 0 {
		return
	}
	need(r, kern, 0, q, heads*d)
	need(r, kern, 1, k, t.words(rows*kvHeads*d))
	need(r, kern, 2, chosen, blocks*heads*n)
	need(r, kern, 3, score, blocks)
	gpu.Dispatch(r, kern, ceil(blocks, 64), &BlockScoresParams{uint32(blocks), uint32(n), uint32(heads), uint32(kvHeads), uint32(d / 4)}, q, k, chosen, score)
}
