package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// GatherRowsParams are those of gather_rows. The rows are listed as
// AttentionParams has them.
type GatherRowsParams struct {
	N       uint32 // rows in the cache, this step's included
	C       uint32 // of this step
	NInit   uint32
	NLocal  uint32
	UseMid  uint32
	Vectors uint32 // of four words, of a row of keys
}

var gatherRowsKernel single

func gatherRows() *gpu.Kernel {
	return gatherRowsKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "gather_rows",
			Bindings: []gpu.Binding{in("k"), in("v"), in("sel"), in("state"), out("keys"), out("values")},
			Params:   sizeOf[GatherRowsParams](),
			WGSL:     wgsl("gather_rows", nil),
			Items: func(c *gpu.Call) int {
				return gathered(c).length
			},
			Twin: func(c *gpu.Call, lo, hi int) {
				l, words := gathered(c), 4*int(params[GatherRowsParams](c).Vectors)
				for b := range 2 {
					from, to := view[uint32](c, b), view[uint32](c, 4+b)
					for i := lo; i < hi; i++ {
						copy(to[i*words:][:words], from[l.row(i)*words:])
					}
				}
			},
		}
	})
}

// gathered is the index list of a call of gather_rows.
func gathered(c *gpu.Call) list {
	p := params[GatherRowsParams](c)
	return newList(&AttentionParams{N: p.N, C: p.C, NInit: p.NInit, NLocal: p.NLocal, UseMid: p.UseMid}, view[uint32](c, 3), view[uint32](c, 2))
}

// GatherRows records the copy of the attended rows of a layer's cache, k and v,
// each [n][kvHeads][d], to keys and values, one behind the other in the order in
// which attention lists them: over these, attention is dense. It is the other way
// of the paper's figure 5, which attention that reads the cache row by row does
// without. a and the last c rows of n are those of AttentionDecode and
// AttentionChunk; keys and values have room for all rows that there may be. 256
// vectors of four words a workgroup, so that kvHeads*d*t.Bytes() is a multiple
// of 16.
func GatherRows(r *gpu.Recording, t CacheType, k, v, sel, state, keys, values gpu.Range, kvHeads, d, n, c int, a Attended) {
	words := t.words(kvHeads * d)
	if words < 4 || words%4 != 0 {
		r.Fail(fmt.Errorf("kernels: gather_rows: rows of %d words, expected a multiple of 4", words))
		return
	}
	length := a.NInit + a.MaxMid + a.NLocal + c
	for i, g := range []gpu.Range{k, v} {
		need(r, gatherRows(), i, g, n*words)
	}
	need(r, gatherRows(), 2, sel, a.MaxMid)
	need(r, gatherRows(), 3, state, stateWords)
	for i, g := range []gpu.Range{keys, values} {
		need(r, gatherRows(), 4+i, g, length*words)
	}
	if a.NInit+a.NLocal+c > n {
		r.Fail(fmt.Errorf("kernels: gather_rows: %d first, %d local and %d new rows of %d, expected no more than there are", a.NInit, a.NLocal, c, n))
		return
	}
	p := GatherRowsParams{N: uint32(n), C: uint32(c), NInit: uint32(a.NInit), NLocal: uint32(a.NLocal), Vectors: uint32(words / 4)}
	if a.UseMid {
		p.UseMid = 1
	}
	gpu.Dispatch(r, gatherRows(), ceil(length*words/4, elements), &p, k, v, sel, state, keys, values)
}
