//go:build !lean

package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// Ring is the queries of the last rows of a sequence: that of row x is row
// x % Rows of Queries, [Rows][Stride], which starts with [heads][d] before RoPE.
// Rows First to End are there.
type Ring struct {
	Queries      gpu.Range
	Rows, Stride int
	First, End   int
}

func (g Ring) check(width int) error {
	if g.Rows < 1 || g.First < 0 || g.End < g.First || g.End-g.First > g.Rows || g.Stride < width || g.Stride%4 != 0 {
		return fmt.Errorf("queries of rows %d to %d in a ring of %d rows of %d values, expected no more rows than it has, of a multiple of 4 from %d on", g.First, g.End, g.Rows, g.Stride, width)
	}
	return nil
}

// FollowScoresParams are those of follow_scores.
type FollowScoresParams struct {
	Lo       uint32 // row of the first key
	Keys     uint32 // a multiple of Block
	Block    uint32
	Follow   uint32
	First    uint32 // the first row whose query is at hand
	End      uint32 // the one behind the last
	RingRows uint32
	Stride   uint32 // values from row to row of the ring, a multiple of 4
	Heads    uint32
	KVHeads  uint32
	Vecs     uint32 // vectors of four in a head
}

var followScoresKernels family[CacheType]

func followScores(t CacheType) *gpu.Kernel {
	return followScoresKernels.get(t, func() *gpu.Kernel {
		name := "follow_scores_" + t.String()
		return &gpu.Kernel{
			Name:     name,
			Bindings: []gpu.Binding{in("ring"), in("k"), in("table"), out("score")},
			Params:   sizeOf[FollowScoresParams](),
			WGSL:     wgsl(name, nil),
			Items:    func(c *gpu.Call) int { return int(params[FollowScoresParams](c).Keys) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[FollowScoresParams](c)
				ring, k, table, score := view[float32](c, 0), t.view(c, 1), view[float32](c, 2), view[float32](c, 3)
				heads, kvHeads, d, block := int(p.Heads), int(p.KVHeads), 4*int(p.Vecs), int(p.Block)
				turned, sum, key := make([]float32, d), make([]float32, d), make([]float32, d)
				for i := lo; i < hi; i++ {
					row := int(p.Lo) + i
					start, stop := max(row+1, int(p.First)), min(row+int(p.Follow)+1, int(p.End))
					for h := range heads {
						clear(sum)
						for follower := start; follower < stop; follower++ {
							rotate(turned, ring[follower%int(p.RingRows)*int(p.Stride)+h*d:][:d], table[(follower-row)*d:][:d])
							for j, x := range turned {
								sum[j] += x
							}
						}
						k.read(key, (row*kvHeads+h/(heads/kvHeads))*d)
						s := dot(sum, key)
						if start < stop {
							s /= float32(stop - start)
						}
						score[(i/block*heads+h)*block+i%block] = s
					}
				}
			},
		}
	})
}

// FollowScores records, for each head and each of keys rows of the cache from row
// lo on, in whole blocks, the mean of q . K over the follow rows behind it, the
// query turned by its distance: what InfLLM picks representatives by (arXiv
// 2402.04617, section 3.2). Rows whose queries g has not got are left out; without
// any the score is 0. k is a layer's keys, [rows][kvHeads][d]; table is RopeTable's,
// of follow + 1 rows; score is [keys/block][heads][block]. A workgroup takes four
// keys of a head.
func FollowScores(r *gpu.Recording, t CacheType, g Ring, k, table, score gpu.Range, heads, kvHeads, d, lo, keys, block, follow int) {
	kern := followScores(t)
	if needHeads(r, kern.Name, heads, kvHeads, d) == 0 {
		return
	}
	if err := g.check(heads * d); err != nil || block < 1 || keys < block || keys%block != 0 || lo < 0 || follow < 1 {
		r.Fail(fmt.Errorf("kernels: %s: %d keys from row %d on in blocks of %d, %d rows behind each: expected whole blocks, and some rows (%v)", kern.Name, keys, lo, block, follow, err))
		return
	}
	need(r, kern, 0, g.Queries, g.Rows*g.Stride)
	need(r, kern, 1, k, t.words((lo+keys)*kvHeads*d))
	need(r, kern, 2, table, (follow+1)*d)
	need(r, kern, 3, score, keys*heads)
	gpu.Dispatch(r, kern, ceil(keys, 4)*heads, &FollowScoresParams{uint32(lo), uint32(keys), uint32(block), uint32(follow), uint32(g.First), uint32(g.End),
		uint32(g.Rows), uint32(g.Stride), uint32(heads), uint32(kvHeads), uint32(d / 4)}, g.Queries, k, table, score)
}
