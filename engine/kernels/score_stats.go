package kernels

import (
	"math"

	"tokenselect/engine/gpu"
)

// ScoreStatsParams are those of score_stats.
type ScoreStatsParams struct {
	Lo      uint32 // first candidate row
	N       uint32 // candidates
	KVHeads uint32
	Scale   float32 // 1/tau
	Rounds  uint32  // of a workgroup
	Blocks  uint32  // of candidates: workgroups of a key head
	Turn    uint32  // 1: q is before RoPE and is rotated to position Pos
	Pos     uint32
}

// scoreInvocations are those of a workgroup of score_stats.
const scoreInvocations = 128

// scoreShape tells apart the kernels of score_stats.
type scoreShape struct {
	cache    CacheType
	index    IndexType
	tile     int // rows of a tile of the index
	keys     int // of the index that an invocation has at a time
	d, group int
}

// indexKeys are the numbers of keys of an index that an invocation has at a time,
// where candidates are few and where they are many: the more it has, the more keys a
// probe serves once it is read, but the more candidates it takes to keep a large GPU
// busy. Registers set the limit; an int4 index needs twice as many for its sums. Where
// bytes are multiplied an invocation has dotKeys, and these are the rounds alone.
func indexKeys(t IndexType, group int) (few, many int) {
	switch {
	case t == IndexNone:
		return 0, 0
	case t == IndexI4:
		return 2, 2
	case group > 4:
		return 2, 4
	}
	return 2, 8
}

// keysFor is that of n candidates.
func keysFor(t IndexType, n, kvHeads, group int) int {
	few, many := indexKeys(t, group)
	if n*kvHeads < 512<<10 {
		return few
	}
	return many
}

// round is how many candidates a workgroup takes at a time.
func (s scoreShape) round() int {
	switch {
	case s.index != IndexNone:
		return scoreInvocations * s.keys
	case s.group > 4: // an invocation a score
		return scoreInvocations / 8
	}
	return scoreInvocations / 4
}

// groups is how many workgroups of score_stats there are at most of many candidates.
// Where scores are read from the cache it is what a large GPU (of 132 processors) runs at
// once: the more of the probes an invocation keeps in registers, the fewer.
func (s scoreShape) groups() int {
	switch {
	case s.index == IndexNone && s.group*s.d > 512:
		return 384
	case s.index == IndexNone && s.group*s.d > 256:
		return 512
	}
	return 1024
}

// rounds is how often a workgroup takes a round of candidates: as often as leaves no
// more workgroups than that, since each starts with loading the probes, and each
// makes stats that all workgroups of the vote merge.
func (s scoreShape) rounds(n, kvHeads int) int {
	return ceil(ceil(n, s.round())*kvHeads, s.groups())
}

// ScoreBlocks is the number of blocks of ScoreStats' stats of n candidates, which
// are scored from an index of type t, or from the cache.
func ScoreBlocks(t IndexType, heads, kvHeads, d, n int) int {
	s := scoreShape{index: t, keys: keysFor(t, n, kvHeads, heads/kvHeads), d: d, group: heads / kvHeads}
	return ceil(n, s.rounds(n, kvHeads)*s.round())
}

// ScoreStatsWords is the size of score_stats' stats of up to n candidates, however
// they are scored.
func ScoreStatsWords(heads, kvHeads, n int) int {
	least := scoreShape{group: heads / kvHeads}.round()
	return 2 * heads * min(ceil(n, least), ceil(scoreShape{}.groups(), kvHeads))
}

// typeName is what the keys are read as.
func (s scoreShape) typeName() string {
	switch s.index {
	case IndexI8:
		return "i8"
	case IndexI4:
		return "i4"
	}
	return s.cache.String()
}

// consts are the numbers of the shader.
func (s scoreShape) consts() map[string]int {
	if s.index != IndexNone {
		return s.indexConsts()
	}
	const piece, lanes = 8, dotLanes
	tokens, pieces := s.round(), ceil(s.d/piece, lanes)
	return map[string]int{"HEAD_DIM": s.d, "HALF": s.d / 8, "GROUP": s.group, "LANES": lanes, "PIECE": piece, "PIECES": pieces, "TOKENS": tokens,
		"GROUP_VECS": s.group * s.d / 4, "PROBE_VECS": s.group * pieces * piece / 4, "LOADS": pieces * ceil(tokens*lanes, scoreInvocations), "SCORES": s.group * tokens, "PARTIALS": s.group * tokens * lanes}
}

// indexConsts are those of lib/score_tiles.
func (s scoreShape) indexConsts() map[string]int {
	consts, probes := s.tileConsts(), s.group*s.d/4
	consts["PROBE_VECS"], consts["VECTOR_PROBES"], consts["BASES"] = probes, probes/consts["VECTORS"], s.group*consts["BLOCKS"]
	return consts
}

// tileConsts are those of all shaders for an index in tiles.
func (s scoreShape) tileConsts() map[string]int {
	blocks, vectors := 1, s.index.KeyWords(1, s.d)/4
	if s.index == IndexI4 {
		blocks = vectors // a scale for each
	}
	return map[string]int{"HEAD_DIM": s.d, "HALF": s.d / 8, "TILE": s.tile, "GROUP": s.group, "KEYS": s.keys,
		"BLOCKS": blocks, "CHUNKS": vectors / blocks, "SCALE_WORDS": s.index.ScaleWords(1, s.d), "VECTORS": vectors,
		"SUMS": s.group * s.keys, "LANE_STATS": s.group * scoreInvocations}
}

var scoreStats family[scoreShape]

func scoreStatsKernel(s scoreShape) *gpu.Kernel {
	return scoreStats.get(s, func() *gpu.Kernel {
		name, d, group, tokens := "score_stats_"+s.typeName(), s.d, s.group, s.round()
		bindings := []gpu.Binding{in("q"), in("table"), in("k"), in("state"), out("score"), out("stats")}
		if s.index != IndexNone {
			bindings = append(bindings, in("key_scale"))
		}
		kern := &gpu.Kernel{
			Name:     name,
			Bindings: bindings,
			Params:   sizeOf[ScoreStatsParams](),
			WGSL:     wgsl(name, s.consts()),
			Variants: scoreStatsDot(s),
			Items: func(c *gpu.Call) int {
				p := params[ScoreStatsParams](c)
				return unlessHit(c, 3, int(p.Blocks*p.KVHeads))
			},
			Fast: fastScoreStats(s),
		}
		if !lean { // where closures are made, spare would not keep it out
			kern.Twin = func(c *gpu.Call, lo, hi int) {
				p := params[ScoreStatsParams](c)
				q, table := view[float32](c, 0), view[float32](c, 1)
				score, stats := view[float32](c, 4), view[float32](c, 5)
				n, kvHeads, blocks := int(p.N), int(p.KVHeads), int(p.Blocks)
				read := s.reader(c, kvHeads)
				row, probe := make([]float32, d), make([]float32, d)
				for i := lo; i < hi; i++ {
					kv, block := i%kvHeads, i/kvHeads
					from := min(block*int(p.Rounds)*tokens, n)
					to := min(from+int(p.Rounds)*tokens, n)
					for h := kv * group; h < (kv+1)*group; h++ {
						copy(probe, q[h*d:])
						if p.Turn != 0 {
							rotate(probe, q[h*d:][:d], table[int(p.Pos)*d:][:d])
						}
						if s.index == IndexI4 {
							toSteps(probe, math.MaxInt8)
						}
						out := score[h*n:][from:to]
						for j := range out {
							read(row, int(p.Lo)+from+j, kv)
							out[j] = float32(dot(probe, row) * p.Scale)
						}
						stats[2*(h*blocks+block)], stats[2*(h*blocks+block)+1] = largestAndSum(out)
					}
				}
			}
		}
		return kern
	})
}

// toSteps rounds values to whole numbers of a step, so many of which are the largest
// magnitude.
func toSteps(x []float32, steps float32) {
	most := magnitude(x)
	for j, v := range x {
		x[j] = float32(wholes(v, steps/most, steps)) * (most / steps)
	}
}

// reader decodes head kv of a row.
func (s scoreShape) reader(c *gpu.Call, kvHeads int) func(dst []float32, row, kv int) {
	if s.index != IndexNone {
		return indexShape{s.index, s.tile, s.d}.view(c, 2, 6, kvHeads).read
	}
	k := s.cache.view(c, 2)
	return func(dst []float32, row, kv int) { k.read(dst, (row*kvHeads+kv)*len(dst)) }
}

// ScoreStats records in one what PagedDot and VoteStats do in two: the scores of
// the n candidates from row lo on, as score[heads][n], and for each head and
// block of candidates the largest score and the sum of exp(score - largest), as
// stats, ScoreStatsWords words at most (paper, eq. 7 and Algorithm 2). Keys are
// read from k, a layer's cache, or from index where it has one; a probe for an int4
// index becomes whole numbers of a step, 127 of them its largest value. With turn, q is
// the queries before RoPE, which stand at position pos of table; else the probe.
// Limits and the rest as in PagedDot. A workgroup takes a block for one key head.
func ScoreStats(r *gpu.Recording, t CacheType, q, table, k gpu.Range, index Index, state, score, stats gpu.Range, heads, kvHeads, d, lo, n, pos int, turn bool, tau float32) {
	recordScores(r, t, q, table, k, index, state, score, stats, heads, kvHeads, d, lo, n, pos, turn, tau, 0)
}

// ScoreStatsLong is ScoreStats for Choose, with ChooseBlocks(n) blocks of
// candidates: 2 words of stats for each of them and each head.
func ScoreStatsLong(r *gpu.Recording, t CacheType, q, table, k gpu.Range, index Index, state, score, stats gpu.Range, heads, kvHeads, d, lo, n, pos int, turn bool, tau float32) {
	recordScores(r, t, q, table, k, index, state, score, stats, heads, kvHeads, d, lo, n, pos, turn, tau, chooseTokens)
}

// recordScores records score_stats with blocks of so many candidates, a multiple of
// any round; 0: as many as suit a GPU.
func recordScores(r *gpu.Recording, t CacheType, q, table, k gpu.Range, index Index, state, score, stats gpu.Range, heads, kvHeads, d, lo, n, pos int, turn bool, tau float32, block int) {
	group := needHeads(r, "score_stats", heads, kvHeads, d)
	if group == 0 {
		return
	}
	if err := index.Type.Fits(d); err != nil {
		r.Fail(err)
		return
	}
	s := scoreShape{t, index.Type, index.Tile, keysFor(index.Type, n, kvHeads, group), d, group}
	if s.index != IndexNone {
		s.cache = 0 // one kernel, however the cache is stored
	}
	kern := scoreStatsKernel(s)
	need(r, kern, 0, q, heads*d)
	need(r, kern, 3, state, stateWords)
	need(r, kern, 4, score, heads*n)
	rounds := block / s.round()
	if block == 0 {
		rounds = s.rounds(n, kvHeads)
	}
	blocks := ceil(n, rounds*s.round())
	need(r, kern, 5, stats, 2*heads*blocks)
	p := ScoreStatsParams{uint32(lo), uint32(n), uint32(kvHeads), 1 / tau, uint32(rounds), uint32(blocks), 0, 0}
	if turn {
		need(r, kern, 1, table, (pos+1)*d)
		p.Turn, p.Pos = 1, uint32(pos)
	}
	if index.Type == IndexNone {
		need(r, kern, 2, k, t.words((lo+n)*kvHeads*d))
		gpu.Dispatch(r, kern, blocks*kvHeads, &p, q, table, k, state, score, stats)
		return
	}
	rows := index.Rows(lo+n) * kvHeads
	need(r, kern, 2, index.Keys, index.Type.KeyWords(rows, d))
	need(r, kern, 6, index.Scale, index.Type.ScaleWords(rows, d))
	gpu.Dispatch(r, kern, blocks*kvHeads, &p, q, table, index.Keys, state, score, stats, index.Scale)
}
