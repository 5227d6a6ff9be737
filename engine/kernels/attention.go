package kernels

import (
	"fmt"
	"math"

	"tokenselect/engine/gpu"
)

// AttentionParams are those of attention_decode and attention_chunk. The rows
// attended to are listed in order: the first NInit of the cache, the selected
// (as many as the state says where UseMid is 1, else none), then the NLocal+C
// last. Entry i of that list stands at position i.
type AttentionParams struct {
	N       uint32 // rows in the cache, this step's included
	C       uint32 // queries, which are the last C rows
	NInit   uint32
	NLocal  uint32
	UseMid  uint32
	Heads   uint32
	KVHeads uint32
	// Entries in a row of a part of the list, and parts. attention_chunk gives each
	// part one such block; attention_decode deals blocks out to the parts in turn.
	Split  uint32
	Splits uint32
	Window uint32 // entries that a query of attention_chunk sees at most, its own the last; 0: all before it
}

// Attended tells what attention reads besides the last C rows.
type Attended struct {
	NInit, NLocal int
	UseMid        bool // the selection of state and sel as well
	MaxMid        int  // its rows at most
	// Sliding is the entries of the list that each query sees at most, its own the last
	// (sliding-window attention, arXiv 2310.06825, section 2); 0: all before it. The
	// list of a decode step has no more to begin with.
	Sliding int
	// LargeKeys says that keys may be far from zero beside what they differ by, as where
	// they have a bias: a chunk's scores are then added up in float32 on every device.
	LargeKeys bool
}

// list is the index list of one attention call.
type list struct {
	nInit, mid, length int
	tail               int // row of the cache at entry nInit+mid
	sel                []uint32
}

func newList(p *AttentionParams, state, sel []uint32) list {
	l := list{nInit: int(p.NInit), tail: int(p.N - p.C - p.NLocal), sel: sel}
	if p.UseMid != 0 {
		l.mid = int(state[stateMid])
	}
	l.length = l.nInit + l.mid + int(p.NLocal+p.C)
	return l
}

// first is the first entry that a query at an entry sees.
func (p *AttentionParams) first(entry int) int {
	if p.Window == 0 {
		return 0
	}
	return max(0, entry+1-int(p.Window))
}

// row is the row of the cache at entry i.
func (l list) row(i int) int {
	switch {
	case i < l.nInit:
		return i
	case i < l.nInit+l.mid:
		return int(l.sel[i-l.nInit])
	}
	return l.tail + i - l.nInit - l.mid
}

// lowest is where a running maximum starts: WGSL has no infinity.
const lowest = -math.MaxFloat32

// partial is softmax attention of one head's query over some entries of a list:
// o is the sum of values weighted by exp(score - m), m the largest score and sum
// that of the weights. Without entries m is the lowest float32, the rest 0.
type partial struct {
	o      []float32
	m, sum float32
}

func newPartial(o []float32) partial {
	clear(o)
	return partial{o: o, m: lowest}
}

// attend adds entries lo <= i < hi of the list, with an online softmax. q is
// already rotated; keys are rotated as they are loaded, the first to position.
func (a *partial) attend(q []float32, l list, lo, hi, position, kv, kvHeads int, k, v cached, table []float32) {
	d := len(q)
	raw, key, value := make([]float32, d), make([]float32, d), make([]float32, d)
	scale := float32(1 / math.Sqrt(float64(d)))
	for i := lo; i < hi; i++ {
		at := (l.row(i)*kvHeads + kv) * d
		k.read(raw, at)
		rotate(key, raw, table[(position+i-lo)*d:][:d])
		v.read(value, at)
		a.add(float32(dot(q, key)*scale), value)
	}
}

// add adds one entry of score s.
func (a *partial) add(s float32, value []float32) {
	if s > a.m {
		shrink := exp(a.m - s)
		a.sum *= shrink
		for j := range a.o {
			a.o[j] *= shrink
		}
		a.m = s
	}
	w := exp(s - a.m)
	a.sum += w
	for j := range a.o {
		a.o[j] += float32(w * value[j])
	}
}

// attentionBindings are those of both kernels.
func attentionBindings(result string) []gpu.Binding {
	return []gpu.Binding{in("q"), in("k"), in("v"), in("sel"), in("state"), in("table"), out(result)}
}

// MergeParams are those of attention_merge.
type MergeParams struct {
	Rows   uint32 // heads of all queries
	D      uint32
	Splits uint32
	Width  uint32 // values of a workgroup
}

var attentionMerge = &gpu.Kernel{
	Name:     "attention_merge",
	Bindings: []gpu.Binding{in("part"), out("y")},
	Params:   sizeOf[MergeParams](),
	WGSL:     wgsl("attention_merge", nil),
	Items:    func(c *gpu.Call) int { return int(params[MergeParams](c).Rows) },
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[MergeParams](c)
		heads, d, part, y := int(p.Rows), int(p.D), view[float32](c, 0), view[float32](c, 1)
		for h := lo; h < hi; h++ {
			m, sum := float32(lowest), float32(0)
			for s := range int(p.Splits) {
				m = max(m, part[(s*heads+h)*(d+2)+d])
			}
			o := y[h*d:][:d]
			clear(o)
			for s := range int(p.Splits) {
				from := part[(s*heads+h)*(d+2):][:d+2]
				if from[d+1] == 0 { // an empty part
					continue
				}
				w := exp(from[d] - m)
				sum += float32(w * from[d+1])
				for j := range o {
					o[j] += float32(w * from[j])
				}
			}
			for j := range o {
				o[j] /= sum
			}
		}
	},
}

// mergeParts records attention_merge. Few parts are merged by an invocation for
// each value, many by more of them, down to workgroups of eight values, which are
// what memory answers at least.
func mergeParts(r *gpu.Recording, part, y gpu.Range, rows, d, splits int) {
	const enough = 4096 // values of parts for a workgroup
	width := 256
	for width > 8 && splits*width > enough {
		width /= 2
	}
	gpu.Dispatch(r, attentionMerge, ceil(rows*d, width), &MergeParams{uint32(rows), uint32(d), uint32(splits), uint32(width)}, part, y)
}

const (
	chunkRows    = 64  // rows of a workgroup of attention_chunk: queries * query heads
	chunkKeys    = 16  // entries of the list that its baseline has at a time
	chunkQueries = 16  // queries of an item of its twin
	maxSplits    = 128 // parts of a chunk's list at most
)

// chunkShape is what attention_chunk is made for; see Attended.LargeKeys.
type chunkShape struct {
	t         CacheType
	d         int
	largeKeys bool
}

var attentionChunks family[chunkShape]

func attentionChunk(t CacheType, d int, largeKeys bool) *gpu.Kernel {
	return attentionChunks.get(chunkShape{t, d, largeKeys}, func() *gpu.Kernel {
		name := "attention_chunk_" + t.String()
		variants := attentionChunkMatrix(t, d)
		if !largeKeys {
			variants = append(variants, attentionChunkPacked(t, d)...)
		}
		return &gpu.Kernel{
			Name:     name,
			Bindings: attentionBindings("y"),
			Params:   sizeOf[AttentionParams](),
			WGSL:     wgsl(name, map[string]int{"HEAD_DIM": d, "VECS": d / 4, "HALF": d / 8, "TILE": chunkKeys * d / 4}),
			Variants: append(variants, attentionChunkTiled(t, d)...),
			Items: func(c *gpu.Call) int {
				p := params[AttentionParams](c)
				return ceil(int(p.C), chunkQueries) * int(p.KVHeads)
			},
			Twin: spare(chunkTwin(t, d)),
			Fast: fastAttentionChunk(t, d),
		}
	})
}

// attentionChunkTiled is attention_chunk for what has processors enough to be fed
// from workgroup memory, and 32 KiB of it, which hardly any GPU has not.
func attentionChunkTiled(t CacheType, d int) []gpu.Variant {
	return chunkTiles("attention_chunk_"+t.String()+"_tiled", d, 16, 2, func(gpu.Info) bool { return true })
}

// attentionChunkPacked is the same in half of the memory, for GPUs that have float16.
// Queries, rotated keys and weights are rounded to float16, and so are sums of 16
// products (of 32 weighed values where d is at most 64): not for keys with a bias, of
// whose scores too little would be left.
func attentionChunkPacked(t CacheType, d int) []gpu.Variant {
	if t != CacheF16 {
		return nil
	}
	return chunkTiles("attention_chunk_f16_packed", d, 8, 4, func(dev gpu.Info) bool { return dev.Features.Float16 })
}

// chunkTiles is a variant that has four values in workgroup memory in so many bytes and
// writes so many turns of its loops of products out.
func chunkTiles(name string, d, bytes, turns int, fits func(gpu.Info) bool) []gpu.Variant {
	shared := 16 * 128 * bytes
	return []gpu.Variant{{
		Name:  name,
		Fits:  func(dev gpu.Info) bool { return fits(dev) && dev.Limits.Shared >= shared },
		Suits: func(dev gpu.Info) bool { return dev.Kind.Real() },
		WGSL:  wgsl(name, map[string]int{"HEAD_DIM": d, "VECS": d / 4, "HALF": d / 8, "TURNS": turns}),
	}}
}

func chunkTwin(t CacheType, d int) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[AttentionParams](c)
		q, k, v := view[float32](c, 0), t.view(c, 1), t.view(c, 2)
		l := newList(p, view[uint32](c, 4), view[uint32](c, 3))
		table, y := view[float32](c, 5), view[float32](c, 6)
		n, heads, kvHeads := int(p.C), int(p.Heads), int(p.KVHeads)
		group := heads / kvHeads
		for i := lo; i < hi; i++ {
			block, kv := i/kvHeads, i%kvHeads
			for j := block * chunkQueries; j < min((block+1)*chunkQueries, n); j++ {
				for h := kv * group; h < (kv+1)*group; h++ {
					row := j*heads + h
					// Causal: query j is entry length-n+j of the list.
					seen := l.length - n + j + 1
					unseen := p.first(seen - 1)
					for s := range int(p.Splits) {
						from := max(min(s*int(p.Split), seen), unseen)
						to := max(min((s+1)*int(p.Split), seen), from)
						o := y[row*d:][:d]
						if p.Splits > 1 {
							o = y[(s*n*heads+row)*(d+2):][:d+2]
						}
						a := newPartial(o[:d])
						a.attend(q[row*d:][:d], l, from, to, from, kv, kvHeads, k, v, table)
						if p.Splits > 1 {
							o[d], o[d+1] = a.m, a.sum
							continue
						}
						for e := range o {
							o[e] /= a.sum
						}
					}
				}
			}
		}
	}
}

// ChunkSplits is how many parts a list of at most length entries is cut into for
// a chunk of c queries on a GPU: as many as give a large one workgroups enough,
// of at least 256 entries each.
func ChunkSplits(c, heads, kvHeads, length int) int {
	const enough = 256
	groups := ceil(c, max(1, chunkRows*kvHeads/heads)) * kvHeads
	return max(1, min(ceil(enough, groups), length/256, 16))
}

// ChunkPartWords is the size of what AttentionChunk needs between its two
// kernels where it cuts the list into splits parts.
func ChunkPartWords(c, heads, d, splits int) int {
	if splits < 2 {
		return 0
	}
	return splits * c * heads * (d + 2)
}

// AttentionChunk records y = attention of the c queries of a chunk, which are
// the last c rows of the cache, causal among themselves. q is [c][heads][d],
// rotated to the list's last c positions; y is [c][heads*d]; where a is Sliding, each
// query sees the entries of its own window alone; the rest as in
// AttentionDecode. A workgroup takes 64 rows, a row being a query of one of the
// query heads of one key head (64 / group queries of all of them), and one of
// splits parts of the list, which are merged with an online softmax; part holds
// ChunkPartWords words, and is not used where splits is 1.
func AttentionChunk(r *gpu.Recording, t CacheType, q, k, v, sel, state, table, part, y gpu.Range, heads, kvHeads, d, n, c int, a Attended, splits int) {
	group := needHeads(r, "attention_chunk", heads, kvHeads, d)
	if group == 0 {
		return
	}
	if splits < 1 || splits > maxSplits {
		r.Fail(fmt.Errorf("kernels: attention_chunk: %d parts, expected 1 to %d", splits, maxSplits))
		return
	}
	kern := attentionChunk(t, d, a.LargeKeys)
	needAttention(r, kern, t, q, k, v, sel, state, table, heads, kvHeads, d, n, c, a)
	p := attentionParams(n, c, heads, kvHeads, a)
	split := 64 * ceil(a.NInit+a.MaxMid+a.NLocal+c, 64*splits)
	p.Split, p.Splits = uint32(split), uint32(splits)
	groups := ceil(c, chunkRows/group) * kvHeads
	if splits == 1 {
		need(r, kern, 6, y, c*heads*d)
		gpu.Dispatch(r, kern, groups, &p, q, k, v, sel, state, table, y)
		return
	}
	need(r, kern, 6, part, ChunkPartWords(c, heads, d, splits))
	need(r, attentionMerge, 1, y, c*heads*d)
	gpu.Dispatch(r, kern, groups*splits, &p, q, k, v, sel, state, table, part)
	mergeParts(r, part, y, c*heads, d, splits)
}

func attentionParams(n, c, heads, kvHeads int, a Attended) AttentionParams {
	p := AttentionParams{N: uint32(n), C: uint32(c), NInit: uint32(a.NInit), NLocal: uint32(a.NLocal), Heads: uint32(heads), KVHeads: uint32(kvHeads), Window: uint32(a.Sliding)}
	if a.UseMid {
		p.UseMid = 1
	}
	return p
}

func needAttention(r *gpu.Recording, kern *gpu.Kernel, t CacheType, q, k, v, sel, state, table gpu.Range, heads, kvHeads, d, n, c int, a Attended) {
	need(r, kern, 0, q, c*heads*d)
	need(r, kern, 1, k, t.words(n*kvHeads*d))
	need(r, kern, 2, v, t.words(n*kvHeads*d))
	need(r, kern, 3, sel, a.MaxMid)
	need(r, kern, 4, state, stateWords)
	need(r, kern, 5, table, (a.NInit+a.MaxMid+a.NLocal+c)*d)
	if a.Sliding < 0 || c == 1 && a.Sliding > 0 && a.NInit+a.MaxMid+a.NLocal+c > a.Sliding {
		r.Fail(fmt.Errorf("kernels: %s: sliding window of %d rows, expected 0 (none) or as many as one query attends to: %d", kern.Name, a.Sliding, a.NInit+a.MaxMid+a.NLocal+c))
	}
	if a.NInit+a.NLocal+c > n {
		r.Fail(fmt.Errorf("kernels: %s: %d first, %d local and %d new rows of %d, expected no more than there are", kern.Name, a.NInit, a.NLocal, c, n))
	}
}

// Query is what a layer of a step asks of its cache: C queries, which are the
// last C of N rows.
type Query struct {
	Layer  int
	N, C   int
	QKV    gpu.Range // a row starts with the queries, before RoPE
	Stride int       // values of a row of QKV
	Keys   gpu.Range // of the layer's cache
	Cache  CacheType // how the cache is stored
	Index  Index     // of the layer's keys, where it has one
}

// Selection is what a Query is to attend to: the rows of Attended, with those
// in between in Sel, counted by State.
type Selection struct {
	Attended
	Sel, State gpu.Range

	// Lists, where it has any, is attended to instead: lists of their own for key
	// heads or heads, or positions by another rule than the place in the list.
	Lists Lists

	// Table is the rotary table for this attention, where it is not the sequence's.
	Table gpu.Range
}
