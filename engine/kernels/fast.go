package kernels

import (
	"math"
	"sync"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

// The fast versions of the hot twins. Each computes what its twin does, up to
// the order of sums inside one dot product; that order does not depend on how
// many rows, keys or queries are handled together, so that equal tokens get
// equal keys and equal votes whether they came in a chunk or alone.

// scratch is working memory of one goroutine, kept between calls.
type scratch struct{ buf []float32 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// take gives n values with undefined contents.
func (s *scratch) take(n int) []float32 {
	if cap(s.buf) < n {
		s.buf = make([]float32, n)
	}
	return s.buf[:n]
}

// words is take for whole numbers.
func (s *scratch) words(n int) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(s.take(n)))), n)
}

// rowsProduct writes rows rows of x, of k values each, times rows lo to hi of a weight
// of type t, whose bindings begin at 2, to y, [rows][stride].
func rowsProduct(c *gpu.Call, t WeightType, y []float32, stride int, x []float32, k, rows, lo, hi int) {
	// Rows of the weight that are decoded at a time: few enough that they stay
	// in the first-level cache while all rows of x pass by.
	const panel = 16
	n := hi - lo
	switch {
	case t == F32:
		simd.MatMulF32(y, stride, x, k, rows, view[float32](c, 2)[lo*k:], n, k)
		return
	case t == F16 && rows == 1:
		simd.MatVecF16(y[:n], x[:k], view[uint16](c, 2)[lo*k:hi*k], n, k)
		return
	case t == Q8_0 && rows == 1:
		simd.MatVecQ8_0(y[:n], x[:k], view[int8](c, 2)[lo*k:hi*k], view[uint16](c, 3)[lo*k/32:hi*k/32], n, k)
		return
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	w := s.take(panel * k)
	for r := lo; r < hi; r += panel {
		m := min(panel, hi-r)
		switch t {
		case F16:
			simd.F16ToF32(w[:m*k], view[uint16](c, 2)[r*k:(r+m)*k])
		case Q8_0:
			simd.DequantQ8_0(w[:m*k], view[int8](c, 2)[r*k:(r+m)*k], view[uint16](c, 3)[r*k/blockValues:(r+m)*k/blockValues])
		case Q4_1:
			simd.DequantQ4_1(w[:m*k], view[uint8](c, 2)[r*k/2:(r+m)*k/2], view[uint16](c, 3)[2*r*k/blockValues:2*(r+m)*k/blockValues])
		default:
			simd.DequantQ4_0(w[:m*k], view[uint8](c, 2)[r*k/2:(r+m)*k/2], view[uint16](c, 3)[r*k/blockValues:(r+m)*k/blockValues])
		}
		simd.MatMulF32(y[r-lo:], stride, x, k, rows, w[:m*k], m, k)
	}
}

func fastMatMul(t WeightType) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[MatMulParams](c)
		x, y, stride, k, rows := view[float32](c, 0)[p.XOffset:], view[float32](c, 1)[int(p.YOffset)+lo:], int(p.YStride), int(p.K), int(p.Rows)
		if p.Add == 0 {
			rowsProduct(c, t, y, stride, x, k, rows, lo, hi)
			return
		}
		// What y holds is added to at the end, in one rounding.
		s, n := scratches.Get().(*scratch), hi-lo
		defer scratches.Put(s)
		sums := s.take(rows * n)
		rowsProduct(c, t, sums, n, x, k, rows, lo, hi)
		for i := range rows {
			to := y[i*stride:][:n]
			for j, v := range sums[i*n:][:n] {
				to[j] += v
			}
		}
	}
}

func fastNormMatVec(t WeightType, gate bool) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[NormMatVecParams](c)
		k, n := int(p.K), hi-lo
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		own := s.take(k + 2*n)
		x, first, second := own[:k], own[k:][:n], own[k+n:]
		normalised(c, t, x)
		y := view[float32](c, 1)[int(p.YOffset)+lo:][:n]
		if gate {
			half := int(p.N / 2)
			rowsProduct(c, t, first, n, x, k, 1, lo, hi)
			rowsProduct(c, t, second, n, x, k, 1, half+lo, half+hi)
			simd.SwiGLU(y, first, second)
			return
		}
		rowsProduct(c, t, y, n, x, k, 1, lo, hi)
		if p.Bias != 0 {
			for i, b := range view[float32](c, t.gain()+1)[int(p.YOffset)+lo:][:n] {
				y[i] += b
			}
		}
	}
}

func fastSwiGLU(c *gpu.Call, lo, hi int) {
	cols := int(params[SwiGLUParams](c).Cols)
	x, y := view[float32](c, 0), view[float32](c, 1)
	for i := lo; i < hi; i++ {
		simd.SwiGLU(y[i*cols:][:cols], x[2*i*cols:][:cols], x[(2*i+1)*cols:][:cols])
	}
}

func fastKVAppend(t CacheType) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[KVAppendParams](c)
		qkv, k, v, width := view[float32](c, 0), t.view(c, 1), t.view(c, 2), int(p.Width)
		for i := lo; i < hi; i++ {
			row, to := qkv[i*int(p.Stride):], (int(p.Row0)+i)*width
			k.store(to, row[p.KOffset:][:width])
			v.store(to, row[p.VOffset:][:width])
		}
	}
}

// store and load are write and read, fast.
func (s cached) store(at int, src []float32) {
	if s.whole != nil {
		copy(s.whole[at:], src)
		return
	}
	simd.F32ToF16(s.half[at:][:len(src)], src)
}

func (s cached) load(dst []float32, at int) {
	if s.whole != nil {
		copy(dst, s.whole[at:])
		return
	}
	simd.F16ToF32(dst, s.half[at:][:len(dst)])
}

// loadRotated is load of a key, rotated by a row of a RopeTable.
func (s cached) loadRotated(dst []float32, at int, angles []float32) {
	cos, sin := angles[:len(dst)/2], angles[len(dst)/2:]
	if s.whole != nil {
		simd.Rope(dst, s.whole[at:][:len(dst)], cos, sin)
		return
	}
	simd.RopeF16(dst, s.half[at:][:len(dst)], cos, sin)
}

func fastPagedDot(t CacheType, d, group int) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[PagedDotParams](c)
		probe, k, score := view[float32](c, 0), t.view(c, 1), view[float32](c, 3)
		n, kvHeads := int(p.N), int(p.KVHeads)
		for i := lo; i < hi; i++ {
			kv, from := i%kvHeads, i/kvHeads*dotTokens
			at, keys := ((int(p.Lo)+from)*kvHeads+kv)*d, min(dotTokens, n-from)
			q := probe[kv*group*d:][:group*d]
			if t == CacheF32 {
				simd.DotF32(score[kv*group*n+from:], n, q, group, d, k.whole[at:], kvHeads*d, keys, p.Scale)
			} else {
				simd.DotF16(score[kv*group*n+from:], n, q, group, d, k.half[at:], kvHeads*d, keys, p.Scale)
			}
		}
	}
}

func fastVoteStats(c *gpu.Call, lo, hi int) {
	n := int(params[VoteParams](c).N)
	score, stats, blocks := view[float32](c, 0), view[float32](c, 2), ceil(n, statsTokens)
	for i := lo; i < hi; i++ {
		h, from := i/blocks, i%blocks*statsTokens
		x := score[h*n:][from:min(from+statsTokens, n)]
		m := simd.Max(x)
		stats[2*i], stats[2*i+1] = m, simd.SumExp(x, m)
	}
}

func fastSoftVote(c *gpu.Call, lo, hi int) {
	p := params[VoteParams](c)
	n := int(p.N)
	score, from, to := view[float32](c, 0), lo*voteTokens, min(hi*voteTokens, n)
	vote := view[float32](c, 3)[from:to]
	clear(vote)
	for h := range int(p.Heads) {
		m, sum := headStats(view[float32](c, 1), h, int(p.Blocks))
		simd.AddExp(vote, score[h*n+from:h*n+to], m, 1/sum)
	}
}

// tileKeys is the number of keys that the fast attention rotates and converts
// at a time.
const tileKeys = 64

// tile is the working memory of fast attention for some rows of queries of
// head size d.
type tile struct {
	d         int
	keys      []float32 // [tileKeys][d], rotated
	values    []float32 // [tileKeys][d], where they are not read in the cache
	at        [tileKeys]int
	s         []float32 // [rows][tileKeys], scores, then weights
	o         []float32 // [rows][d], weighted sums
	m, sum    []float32 // [rows]
	scaleRoot float32   // 1/sqrt(d)
}

func newTile(s *scratch, rows, d int) tile {
	b := s.take(2*tileKeys*d + rows*(tileKeys+d+2))
	cut := func(n int) []float32 { c := b[:n:n]; b = b[n:]; return c }
	t := tile{d: d, keys: cut(tileKeys * d), values: cut(tileKeys * d), s: cut(rows * tileKeys),
		o: cut(rows * d), m: cut(rows), sum: cut(rows), scaleRoot: float32(1 / math.Sqrt(float64(d)))}
	clear(t.o)
	clear(t.sum)
	for i := range t.m {
		t.m[i] = lowest
	}
	return t
}

// load rotates and converts entries from to to of the list; angles start with
// those of the first.
func (t *tile) load(l list, from, to, kv, kvHeads int, k, v cached, angles []float32) {
	d := t.d
	if t.direct(k) {
		at := t.at[:to-from]
		for i := range at {
			at[i] = (l.row(from+i)*kvHeads + kv) * d
		}
		simd.RopeRows(t.keys, k.whole, at, angles, d, v.whole)
		return
	}
	for i := from; i < to; i++ {
		at := (l.row(i)*kvHeads + kv) * d
		k.loadRotated(t.keys[(i-from)*d:][:d], at, angles[(i-from)*d:][:d])
		v.load(t.values[(i-from)*d:][:d], at)
	}
}

// direct tells whether values stay where they are in the cache.
func (t *tile) direct(k cached) bool { return k.whole != nil && simd.ReadsRows(len(t.m), t.d) }

// accumulate adds the n loaded values, weighted by s, to all rows of o.
func (t *tile) accumulate(n int, v cached) {
	if t.direct(v) {
		simd.AccumRows(t.o, t.d, t.s, tileKeys, len(t.m), v.whole, t.at[:n], t.d)
		return
	}
	simd.AccumPV(t.o, t.d, t.s, tileKeys, len(t.m), n, t.values[:n*t.d], t.d)
}

// add takes row r of s, of which the scores from from to to count, into the running
// softmax of that row.
func (t *tile) add(r, from, to int) {
	row := t.s[r*tileKeys:][:tileKeys]
	clear(row[:from])
	clear(row[to:])
	row = row[from:to]
	simd.Scale(row, t.scaleRoot)
	m := max(t.m[r], simd.Max(row))
	if m != t.m[r] {
		shrink := exp(t.m[r] - m)
		t.sum[r] *= shrink
		simd.Scale(t.o[r*t.d:][:t.d], shrink)
		t.m[r] = m
	}
	t.sum[r] += simd.ExpSum(row, m)
}

func fastAttentionDecode(ct CacheType, d, group int) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[AttentionParams](c)
		q, k, v := view[float32](c, 0), ct.view(c, 1), ct.view(c, 2)
		l := newList(p, view[uint32](c, 4), view[uint32](c, 3))
		table, part := view[float32](c, 5), view[float32](c, 6)
		heads, kvHeads := int(p.Heads), int(p.KVHeads)
		work, queries := scratches.Get().(*scratch), scratches.Get().(*scratch)
		defer scratches.Put(work)
		defer scratches.Put(queries)
		turned := queries.take(group * d)
		for i := lo; i < hi; i++ {
			split, kv := i/kvHeads, i%kvHeads
			t := newTile(work, group, d)
			for from := split * int(p.Split); from < l.length; from += int(p.Splits * p.Split) {
				for g := range group {
					rotate(turned[g*d:][:d], q[(kv*group+g)*d:][:d], table[(l.length-1-from)*d:][:d])
				}
				to := min(from+int(p.Split), l.length)
				for at := from; at < to; at += tileKeys {
					n := min(tileKeys, to-at)
					t.load(l, at, at+n, kv, kvHeads, k, v, table[(at-from)*d:])
					simd.MatMulF32(t.s, tileKeys, turned, d, group, t.keys[:n*d], n, d)
					for g := range group {
						t.add(g, 0, n)
					}
					t.accumulate(n, v)
				}
			}
			for g := range group {
				o := part[(split*heads+kv*group+g)*(d+2):][:d+2]
				copy(o, t.o[g*d:][:d])
				o[d], o[d+1] = t.m[g], t.sum[g]
			}
		}
	}
}

func fastAttentionChunk(ct CacheType, d int) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[AttentionParams](c)
		if p.Splits > 1 && !lean { // which no CPU device is asked for but by tests
			chunkTwin(ct, d)(c, lo, hi)
			return
		}
		q, k, v := view[float32](c, 0), ct.view(c, 1), ct.view(c, 2)
		l := newList(p, view[uint32](c, 4), view[uint32](c, 3))
		table, y := view[float32](c, 5), view[float32](c, 6)
		n, heads, kvHeads := int(p.C), int(p.Heads), int(p.KVHeads)
		group := heads / kvHeads
		work := scratches.Get().(*scratch)
		defer scratches.Put(work)
		for i := lo; i < hi; i++ {
			kv, j0 := i%kvHeads, i/kvHeads*chunkQueries
			queries := min(chunkQueries, n-j0)
			first := l.length - n + j0 // entry of the block's first query
			t := newTile(work, group*queries, d)
			for at := p.first(first); at < first+queries; at += tileKeys {
				keys := min(tileKeys, first+queries-at)
				t.load(l, at, at+keys, kv, kvHeads, k, v, table[at*d:])
				for g := range group {
					qh := q[(j0*heads+kv*group+g)*d:]
					simd.MatMulF32(t.s[g*queries*tileKeys:], tileKeys, qh, heads*d, queries, t.keys[:keys*d], keys, d)
				}
				for r := range group * queries {
					entry := first + r%queries
					from, seen := max(0, p.first(entry)-at), min(keys, entry+1-at)
					if from < seen {
						t.add(r, from, seen)
					} else {
						clear(t.s[r*tileKeys:][:tileKeys])
					}
				}
				t.accumulate(keys, v)
			}
			for r := range group * queries {
				o := y[((j0+r%queries)*heads+kv*group+r/queries)*d:][:d]
				copy(o, t.o[r*d:][:d])
				simd.Scale(o, 1/t.sum[r])
			}
		}
	}
}
