package kernels

import (
	"encoding/binary"
	"math"

	"tokenselect/engine/gpu"
)

// The words of a layer's selection state. A state takes 256 bytes, so that a
// range can start at any layer's.
const (
	stateValid  = 0 // 1: a selection is cached
	stateSeen   = 1 // rows below this one were candidates when it was made
	stateHit    = 2 // 1: this step reuses it
	stateMid    = 3 // selected rows that this step attends to
	stateCosine = 4 // float32 bits: cosine of this step's query and the cached one
	stateHits   = 5 // steps of one query that reused a selection, since the state was cleared
	stateMisses = 6 // steps of one query that selected
	stateWords  = 7

	// StateBytes is the size of a layer's state on the device.
	StateBytes = 256
)

// State is a layer's selection state, read back.
type State struct {
	Valid  bool
	Seen   int
	Hit    bool
	Mid    int
	Cosine float32
	Hits   int
	Misses int
}

// DecodeState reads the state that starts at words[0].
func DecodeState(words []uint32) State {
	return State{words[stateValid] != 0, int(words[stateSeen]), words[stateHit] != 0,
		int(words[stateMid]), math.Float32frombits(words[stateCosine]),
		int(words[stateHits]), int(words[stateMisses])}
}

// PutMid writes into a state of zeros that mid selected rows are attended to: what
// a selection needs to know where no SelectionCache goes before it.
func PutMid(state []byte, mid int) { binary.LittleEndian.PutUint32(state[4*stateMid:], uint32(mid)) }

// SelectionCacheParams are those of selection_cache.
type SelectionCacheParams struct {
	C       uint32 // queries of this step
	Width   uint32 // values of a query: heads * head size
	NSelect uint32 // k
	Hi      uint32 // first row of the local window: candidates end before it
	Slide   uint32 // rows that may leave the window before a miss is forced
	Theta   float32
}

var selectionCache = &gpu.Kernel{
	Name:     "selection_cache",
	Bindings: []gpu.Binding{in("q"), out("cache_q"), out("state"), out("sel")},
	Params:   sizeOf[SelectionCacheParams](),
	WGSL:     wgsl("selection_cache", nil),
	Items:    func(*gpu.Call) int { return 1 },
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[SelectionCacheParams](c)
		q, cached := view[float32](c, 0)[:p.Width], view[float32](c, 1)[:p.Width]
		state, sel := view[uint32](c, 2), view[uint32](c, 3)
		if p.C > 1 {
			state[stateValid], state[stateHit], state[stateMid], state[stateCosine] = 0, 0, p.NSelect, 0
			return
		}
		hit := false
		state[stateCosine] = 0
		if state[stateValid] != 0 {
			cos := cosine(q, cached)
			state[stateCosine] = math.Float32bits(cos)
			hit = cos >= p.Theta && p.Hi-state[stateSeen] <= p.Slide
		}
		if hit {
			slid := p.Hi - state[stateSeen]
			for i := range slid {
				sel[p.NSelect+i] = state[stateSeen] + i
			}
			state[stateHit], state[stateMid] = 1, p.NSelect+slid
			state[stateHits]++
			return
		}
		copy(cached, q)
		state[stateValid], state[stateSeen], state[stateHit], state[stateMid] = 1, p.Hi, 0, p.NSelect
		state[stateMisses]++
	},
}

// cosine is the cosine similarity of two vectors; 0 where one is zero.
func cosine(a, b []float32) float32 {
	var ab, aa, bb float32
	for i, x := range a {
		y := b[i]
		ab += float32(x * y)
		aa += float32(x * x)
		bb += float32(y * y)
	}
	const eps = 1e-8 // of both norms, as in PyTorch's cosine_similarity
	na := max(float32(math.Sqrt(float64(aa))), eps)
	nb := max(float32(math.Sqrt(float64(bb))), eps)
	return ab / float32(na*nb)
}

// SelectionCache records the hit test of the Selection Cache (paper, Algorithm
// 1) for one layer. q starts with the layer's whole query, before RoPE: width
// values. On a hit (one query, cosine with cache_q at least theta, at most
// slide rows gone from the window since the anchor) those rows are appended to
// the nSelect cached ones in sel, and the kernels that would select again skip
// their work. On a miss the query becomes the anchor. A chunk (c > 1) empties
// the cache. sel holds nSelect + slide rows. One workgroup.
//
// Departs from the paper, which lets rows that have left the window vanish
// until the next miss.
func SelectionCache(r *gpu.Recording, q, cacheQ, state, sel gpu.Range, p SelectionCacheParams) {
	need(r, selectionCache, 0, q, int(p.Width))
	need(r, selectionCache, 1, cacheQ, int(p.Width))
	need(r, selectionCache, 2, state, stateWords)
	need(r, selectionCache, 3, sel, int(p.NSelect+p.Slide))
	gpu.Dispatch(r, selectionCache, 1, &p, q, cacheQ, state, sel)
}

// isHit tells whether the selection state in binding i says that this step
// reuses the cached selection.
func isHit(c *gpu.Call, i int) bool { return view[uint32](c, i)[stateHit] != 0 }

// unlessHit is n, or 0 items where the state in binding i is a hit.
func unlessHit(c *gpu.Call, i, n int) int {
	if isHit(c, i) {
		return 0
	}
	return n
}
