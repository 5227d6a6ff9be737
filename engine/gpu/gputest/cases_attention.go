package gputest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(attentionCases) }

// attention is one attention call over a cache.
type attention struct {
	t                 kernels.CacheType
	kvHeads, group, d int
	n, c              int
	a                 kernels.Attended
	mid               int     // selected rows, at most a.MaxMid
	scale             float64 // of the queries
	splits            int     // of a chunk's list; 0: 1
}

func (s attention) name() string {
	kind := "attention_decode"
	if s.c > 1 {
		kind = "attention_chunk"
	}
	name := fmt.Sprintf("%s_%v/%d heads on %d of %d, %d queries, %d rows: %d + %d + %d, queries times %g",
		kind, s.t, s.kvHeads*s.group, s.kvHeads, s.d, s.c, s.n, s.a.NInit, s.mid, s.a.NLocal, s.scale)
	if s.a.Sliding > 0 {
		name += fmt.Sprintf(", window of %d", s.a.Sliding)
	}
	if s.splits > 1 {
		name += fmt.Sprintf(", in %d parts", s.splits)
	}
	return name
}

func (s attention) plan(rng *rand.Rand) Plan {
	heads := s.kvHeads * s.group
	length := s.a.NInit + s.a.MaxMid + s.a.NLocal + s.c
	bufs := []Buffer{
		In("q", Normal(rng, s.c*heads*s.d, s.scale)),
		In("k", cacheData(rng, s.t, s.n*s.kvHeads*s.d)), In("v", cacheData(rng, s.t, s.n*s.kvHeads*s.d)),
		In("sel", Words(selected(rng, s.a, s.mid, s.n-s.c)...)), state(0, s.mid), In("table", angles(s.d, max(length, kernels.LeastPositions))),
		Out("y", s.c*heads*s.d, allowed("attention_merge")),
	}
	if s.c > 1 {
		splits := max(1, s.splits)
		bufs = append(bufs, Out("part", max(1, kernels.ChunkPartWords(s.c, heads, s.d, splits)), Scratch))
		return Plan{Buffers: bufs, Record: func(r *gpu.Recording, b []gpu.Range) {
			kernels.AttentionChunk(r, s.t, b[0], b[1], b[2], b[3], b[4], b[5], b[7], b[6], heads, s.kvHeads, s.d, s.n, s.c, s.a, splits)
		}}
	}
	bufs = append(bufs, Out("part", kernels.PartWords(heads, s.kvHeads, s.d), Scratch))
	return Plan{Buffers: bufs, Record: func(r *gpu.Recording, b []gpu.Range) {
		kernels.AttentionDecode(r, s.t, b[0], b[1], b[2], b[3], b[4], b[5], b[7], b[6], heads, s.kvHeads, s.d, s.n, s.a)
	}}
}

// selected is mid rows, in order, of those between the first and the local ones
// of past rows, where attention reads a selection.
func selected(rng *rand.Rand, a kernels.Attended, mid, past int) []uint32 {
	sel := make([]uint32, max(1, a.MaxMid))
	if a.UseMid {
		rows := rng.Perm(past - a.NLocal - a.NInit)[:mid]
		slices.Sort(rows)
		for i, r := range rows {
			sel[i] = uint32(a.NInit + r)
		}
	}
	return sel
}

// sink is a chunk over many rows of which the first, whose value is nothing, has weights
// exp(10) times the others': added up less exactly than float32 has them, the small ones
// of small values would be lost.
func sink(t kernels.CacheType) Case {
	s := attention{t, 1, 2, 64, 5000, 20, kernels.Attended{NLocal: 4980}, 0, 1, 2}
	return Case{s.name() + ", the first a sink", func(rng *rand.Rand) Plan {
		p := s.plan(rng)
		q, k, v := make([]float32, s.c*2*s.d), make([]float32, s.n*s.d), make([]float32, s.n*s.d)
		for i := range q {
			q[i] = 1 + float32(rng.NormFloat64())
		}
		for i := range k {
			k[i], v[i] = float32(rng.NormFloat64()), 0.02+0.02*float32(rng.NormFloat64())
			if i < s.d {
				k[i], v[i] = 1.25, 0
			}
		}
		p.Buffers[0], p.Buffers[1], p.Buffers[2] = In("q", Floats(q...)), In("k", cached(t, k)), In("v", cached(t, v))
		return p
	}}
}

// cached is values as a cache stores them.
func cached(t kernels.CacheType, values []float32) []byte {
	if t == kernels.CacheF32 {
		return Floats(values...)
	}
	b := make([]byte, 2*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint16(b[2*i:], f16.FromFloat32(v))
	}
	return b
}

func attentionCases() (cases []Case) {
	add := func(s attention) { cases = append(cases, Case{s.name(), s.plan}) }
	dense := func(past int) kernels.Attended { return kernels.Attended{NLocal: past} }
	selected := func(nInit, most, nLocal int) kernels.Attended {
		return kernels.Attended{NInit: nInit, NLocal: nLocal, UseMid: true, MaxMid: most}
	}
	bothCaches(func(t kernels.CacheType) {
		for _, d := range []int{16, 64, 80, 96, 128} {
			for _, group := range []int{1, 2, 4, 7} {
				for _, c := range []int{1, 33} {
					add(attention{t, 2, group, d, 300, c, selected(4, 50, 40), 50, 1, 1})
				}
			}
		}
		for _, c := range []int{1, 2, 15, 16, 17, 65, 130} {
			add(attention{t, 1, 4, 64, c, c, dense(0), 0, 1, 1}) // the first tokens of all
			add(attention{t, 2, 4, 64, 200 + c, c, dense(200), 0, 1, 1})
			add(attention{t, 2, 4, 64, 400 + c, c, selected(16, 70, 64), 37, 1, 1})                  // fewer rows than there may be
			add(attention{t, 2, 4, 64, 400 + c, c, selected(0, 64, 0), 64, 1, 1})                    // no sink, no window
			add(attention{t, 2, 4, 64, 400 + c, c, kernels.Attended{NInit: 3, NLocal: 61}, 0, 1, 1}) // a window policy
		}
		for _, scale := range []float64{1e-20, 30} { // flat and sharp weights
			for _, c := range []int{1, 20} {
				add(attention{t, 2, 2, 64, 500, c, selected(8, 100, 50), 100, scale, 1})
			}
		}
		cases = append(cases, sink(t))
		add(attention{t, 2, 4, 64, 5000, 1, dense(4999), 0, 1, 1}) // parts of several tiles
		// Four lanes to a key.
		for _, d := range []int{24, 32} {
			for _, group := range []int{1, 4, 7} {
				add(attention{t, 2, group, d, 300, 1, selected(4, 50, 40), 50, 1, 1})
			}
			add(attention{t, 2, 4, d, 3, 1, dense(2), 0, 1, 1}) // most lanes have no key
			add(attention{t, 3, 3, d, 9000, 1, dense(8999), 0, 30, 1})
		}
		add(attention{t, 1, 2, 80, 9001, 1, dense(9000), 0, 1, 1})
		add(attention{t, 16, 2, 40, 4500, 1, dense(4499), 0, 1, 1}) // of several blocks, some parts of one more than others
		add(attention{t, 16, 1, 40, 9000, 1, selected(70, 8600, 90), 8400, 1, 1})
		for _, c := range []int{2, 17, 130} { // sliding windows, shorter and longer than the chunk, a tile and the list
			for _, w := range []int{1, 33, 64, 1000} {
				add(attention{t, 2, 4, 64, 200 + c, c, kernels.Attended{NLocal: min(200, w-1), Sliding: w}, 0, 1, 1})
			}
			add(attention{t, 1, 7, 80, 500 + c, c, kernels.Attended{NLocal: 199, Sliding: 200}, 0, 1, 3}) // in parts, some of which no query sees
		}
		add(attention{t, 2, 1, 128, 700, 300, kernels.Attended{NLocal: 99, Sliding: 100}, 0, 30, 1})
		add(attention{t, 1, 2, 64, 900, 500, kernels.Attended{NLocal: 40, Sliding: 41}, 0, 1, 8})
		add(attention{t, 2, 4, 64, 300, 1, kernels.Attended{NLocal: 63, Sliding: 64}, 0, 1, 1}) // a decode step's list is the window
		add(attention{t, 2, 4, 64, 433, 33, selected(16, 70, 64), 37, 1, 4})
		add(attention{t, 1, 7, 80, 1065, 65, dense(1000), 0, 1, 5})
		add(attention{t, 2, 2, 128, 320, 20, selected(0, 200, 10), 3, 1, 16}) // most parts are empty
		add(attention{t, 1, 1, 64, 130, 130, dense(0), 0, 1, 64})             // and for some rows only
	})
	return cases
}
