package kernels

import "tokenselect/engine/gpu"

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

// scoreGroups is the number of workgroups of score_stats that a large GPU needs.
const scoreGroups = 1024

// scoreRounds is how often a workgroup of score_stats takes dotRound candidates:
// as often as leaves workgroups enough, since each starts with loading the
// probes, and each makes stats that all workgroups of the vote merge.
func scoreRounds(n, kvHeads, group int) int {
	return max(ceil(n, dotRound(group))*kvHeads/scoreGroups, 1)
}

// ScoreBlocks is the number of blocks of ScoreStats' stats of n candidates.
func ScoreBlocks(heads, kvHeads, n int) int {
	group := heads / kvHeads
	return ceil(n, scoreRounds(n, kvHeads, group)*dotRound(group))
}

// ScoreStatsWords is the size of score_stats' stats of up to n candidates.
func ScoreStatsWords(heads, kvHeads, n int) int {
	return 2 * heads * min(ceil(n, dotRound(heads/kvHeads)), 2*ceil(scoreGroups, kvHeads))
}

// scoreShape tells apart the kernels of score_stats.
type scoreShape struct {
	cache    CacheType
	index    IndexType
	d, group int
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
	piece, lanes, tokens := 8, dotLanes, dotRound(s.group)
	if s.index != IndexNone {
		piece = 16
		for lanes > 2 && lanes > s.d/piece {
			lanes /= 2
		}
	}
	pieces := ceil(s.d/piece, lanes)
	return map[string]int{"HEAD_DIM": s.d, "HALF": s.d / 8, "GROUP": s.group, "LANES": lanes, "PIECE": piece, "PIECES": pieces, "TOKENS": tokens,
		"GROUP_VECS": s.group * s.d / 4, "PROBE_VECS": s.group * pieces * piece / 4, "LOADS": pieces * max(1, tokens*lanes/256), "SCORES": s.group * tokens, "PARTIALS": s.group * tokens * lanes}
}

var scoreStats family[scoreShape]

func scoreStatsKernel(s scoreShape) *gpu.Kernel {
	return scoreStats.get(s, func() *gpu.Kernel {
		name, d, group, tokens := "score_stats_"+s.typeName(), s.d, s.group, dotRound(s.group)
		bindings := []gpu.Binding{in("q"), in("table"), in("k"), in("state"), out("score"), out("stats")}
		if s.index != IndexNone {
			bindings = append(bindings, in("key_scale"))
		}
		return &gpu.Kernel{
			Name:     name,
			Bindings: bindings,
			Params:   sizeOf[ScoreStatsParams](),
			WGSL:     wgsl(name, s.consts()),
			Items: func(c *gpu.Call) int {
				p := params[ScoreStatsParams](c)
				return unlessHit(c, 3, int(p.Blocks*p.KVHeads))
			},
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[ScoreStatsParams](c)
				q, table := view[float32](c, 0), view[float32](c, 1)
				score, stats := view[float32](c, 4), view[float32](c, 5)
				n, kvHeads, blocks := int(p.N), int(p.KVHeads), int(p.Blocks)
				read := s.reader(c)
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
						out := score[h*n:][from:to]
						for j := range out {
							read(row, (int(p.Lo)+from+j)*kvHeads+kv)
							out[j] = float32(dot(probe, row) * p.Scale)
						}
						stats[2*(h*blocks+block)], stats[2*(h*blocks+block)+1] = largestAndSum(out)
					}
				}
			},
			Fast: fastScoreStats(s),
		}
	})
}

// reader decodes a head, by its number among those of all rows.
func (s scoreShape) reader(c *gpu.Call) func(dst []float32, head int) {
	if s.index != IndexNone {
		return s.index.view(c, 2, 6).read
	}
	k := s.cache.view(c, 2)
	return func(dst []float32, head int) { k.read(dst, head*len(dst)) }
}

// ScoreStats records in one what PagedDot and VoteStats do in two: the scores of
// the n candidates from row lo on, as score[heads][n], and for each head and
// block of candidates the largest score and the sum of exp(score - largest), as
// stats, ScoreStatsWords words at most (paper, eq. 7 and Algorithm 2). Keys are
// read from k, a layer's cache, or from index where it has one. With turn, q is
// the queries before RoPE, which stand at position pos of table; else the probe.
// Limits and the rest as in PagedDot. A workgroup takes a block for one key head.
func ScoreStats(r *gpu.Recording, t CacheType, q, table, k gpu.Range, index Index, state, score, stats gpu.Range, heads, kvHeads, d, lo, n, pos int, turn bool, tau float32) {
	if group := needHeads(r, "score_stats", heads, kvHeads, d); group > 0 {
		recordScores(r, t, q, table, k, index, state, score, stats, heads, kvHeads, d, lo, n, pos, turn, tau, scoreRounds(n, kvHeads, group))
	}
}

// ScoreStatsLong is ScoreStats for Choose, with ChooseBlocks(n) blocks of
// candidates: 2 words of stats for each of them and each head.
func ScoreStatsLong(r *gpu.Recording, t CacheType, q, table, k gpu.Range, index Index, state, score, stats gpu.Range, heads, kvHeads, d, lo, n, pos int, turn bool, tau float32) {
	if group := needHeads(r, "score_stats", heads, kvHeads, d); group > 0 {
		recordScores(r, t, q, table, k, index, state, score, stats, heads, kvHeads, d, lo, n, pos, turn, tau, chooseTokens/dotRound(group))
	}
}

// recordScores records score_stats with so many rounds of a workgroup.
func recordScores(r *gpu.Recording, t CacheType, q, table, k gpu.Range, index Index, state, score, stats gpu.Range, heads, kvHeads, d, lo, n, pos int, turn bool, tau float32, rounds int) {
	group := heads / kvHeads
	if err := index.Type.Fits(d); err != nil {
		r.Fail(err)
		return
	}
	s := scoreShape{t, index.Type, d, group}
	if s.index != IndexNone {
		s.cache = 0 // one kernel, however the cache is stored
	}
	kern := scoreStatsKernel(s)
	need(r, kern, 0, q, heads*d)
	need(r, kern, 3, state, stateWords)
	need(r, kern, 4, score, heads*n)
	blocks := ceil(n, rounds*dotRound(group))
	need(r, kern, 5, stats, 2*heads*blocks)
	p := ScoreStatsParams{uint32(lo), uint32(n), uint32(kvHeads), 1 / tau, uint32(rounds), uint32(blocks), 0, 0}
	if turn {
		need(r, kern, 1, table, (pos+1)*d)
		p.Turn, p.Pos = 1, uint32(pos)
	}
	rows := (lo + n) * kvHeads
	if index.Type == IndexNone {
		need(r, kern, 2, k, t.words(rows*d))
		gpu.Dispatch(r, kern, blocks*kvHeads, &p, q, table, k, state, score, stats)
		return
	}
	need(r, kern, 2, index.Keys, index.Type.KeyWords(rows, d))
	need(r, kern, 6, index.Scale, index.Type.ScaleWords(rows, d))
	gpu.Dispatch(r, kern, blocks*kvHeads, &p, q, table, index.Keys, state, score, stats, index.Scale)
}
