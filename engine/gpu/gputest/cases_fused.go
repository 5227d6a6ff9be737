package gputest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() {
	register(scoreStatsCases)
	register(keyIndexCases)
	register(voteHistCases)
	register(topKBorderCases)
	register(fusedPipelineCases)
	register(indexPipelineCases)
}

// scored is one call of score_stats. With an index the keys are compressed
// first.
type scored struct {
	t                        kernels.CacheType
	index                    kernels.IndexType
	tile                     int // rows of a tile of the index
	kvHeads, group, d, lo, n int
	hit                      int
	turn                     bool
	probe                    *pattern // of q; nil: normal, or what the index's version on a CPU holds
}

func (s scored) toCase() Case {
	heads := s.kvHeads * s.group
	stored := s.t.String()
	if s.index != kernels.IndexNone {
		stored = fmt.Sprintf("%v in tiles of %d", s.index, s.tile)
	}
	name := fmt.Sprintf("score_stats_%s/%d heads on %d of %d, %d keys from %d, hit %d, turned %t", stored, heads, s.kvHeads, s.d, s.n, s.lo, s.hit, s.turn)
	if s.probe != nil {
		name += ", " + s.probe.name
	}
	return Case{name, func(rng *rand.Rand) Plan {
		const pos = 70
		if s.index != kernels.IndexNone {
			return s.indexed(rng, pos)
		}
		return Plan{
			Buffers: []Buffer{
				In("q", Normal(rng, heads*s.d, 1)), In("table", angles(s.d, pos+1)), In("k", cacheData(rng, s.t, (s.lo+s.n)*s.kvHeads*s.d)), state(s.hit, 0),
				Out("score", heads*s.n, sums("score_stats", float64(s.d)/6)),
				Out("stats", kernels.ScoreStatsWords(heads, s.kvHeads, s.n), allowed("vote_stats")),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.ScoreStats(r, s.t, b[0], b[1], b[2], kernels.Index{}, b[3], b[4], b[5], heads, s.kvHeads, s.d, s.lo, s.n, pos, s.turn, 1.5)
			},
		}
	}}
}

// indexed scores from keys and scales that are given: which whole number a value
// becomes may differ from device to device where it lies between two.
func (s scored) indexed(rng *rand.Rand, pos int) Plan {
	index := kernels.Index{Type: s.index, Tile: s.tile}
	heads, kernel := s.kvHeads*s.group, "score_stats_i8"
	q := Normal(rng, heads*s.d, 1)
	if s.index == kernels.IndexI4 {
		switch {
		case s.probe != nil:
		case !s.turn: // exact in whole numbers of 8 bits
			q, kernel = wholes(rng, heads, s.d), "score_stats"
		case s.tile == kernels.IndexTile(gpu.CPU): // and only a CPU has so few
			kernel = "score_stats_i4"
		}
	}
	stats := allowed(kernel)
	if s.probe != nil {
		values := s.probe.values(rng, heads*s.d)
		q = Floats(values...)
		if slices.ContainsFunc(values, func(x float32) bool { return x != x }) {
			stats = ofSums(stats) // what max makes of NaN differs from GPU to GPU
		}
	}
	keys, scale := someIndex(rng, index, s.lo+s.n, s.kvHeads, s.d)
	return Plan{
		Buffers: []Buffer{
			In("q", q), In("table", angles(s.d, pos+1)), In("keys", keys), In("scale", scale), state(s.hit, 0),
			Out("score", heads*s.n, sums(kernel, float64(s.d)/6)),
			Out("stats", kernels.ScoreStatsWords(heads, s.kvHeads, s.n), stats),
		},
		Record: func(r *gpu.Recording, b []gpu.Range) {
			index.Keys, index.Scale = b[2], b[3]
			kernels.ScoreStats(r, s.t, b[0], b[1], gpu.Range{}, index, b[4], b[5], b[6], heads, s.kvHeads, s.d, s.lo, s.n, pos, s.turn, 1.5)
		},
	}
}

// ofSums compares the sums among stats, and not the largest scores. An infinite one is
// taken for NaN, as one software GPU has exp of NaN.
func ofSums(c Compare) Compare {
	return func(want, got []byte) error {
		var sums [2][]byte
		for i, stats := range [][]byte{want, got} {
			for at := 1; at < len(stats)/4; at += 2 {
				sum := math.Float32frombits(word(stats, at))
				if math.IsInf(float64(sum), 0) {
					sum = float32(math.NaN())
				}
				sums[i] = append(sums[i], Floats(sum)...)
			}
		}
		return c(sums[0], sums[1])
	}
}

// someIndex is the keys and scales of so many rows of an index.
func someIndex(rng *rand.Rand, x kernels.Index, rows, kvHeads, d int) (keys, scale []byte) {
	heads := x.Rows(rows) * kvHeads
	k, s := make([]uint32, x.Type.KeyWords(heads, d)), make([]uint32, x.Type.ScaleWords(heads, d))
	for i := range k {
		k[i] = rng.Uint32() &^ 0x80808080 // no -128, which no index holds
	}
	for i := range s {
		s[i] = math.Float32bits(0.01 + rng.Float32()/50)
		if x.Type == kernels.IndexI4 {
			s[i] = uint32(f16.FromFloat32(rng.Float32()/3)) | uint32(f16.FromFloat32(rng.Float32()/3))<<16
		}
	}
	return Words(k...), Words(s...)
}

// wholes are heads of d values that are whole numbers of a step, the largest 127 of
// them.
func wholes(rng *rand.Rand, heads, d int) []byte {
	x := make([]float32, heads*d)
	for i := range x {
		if x[i] = float32(max(-127, min(math.Round(rng.NormFloat64()*40), 127))) / 32; i%d == 0 {
			x[i] = 127. / 32
		}
	}
	return Floats(x...)
}

func keyIndexCase(t kernels.IndexType, tile, rows, kvHeads, d, row0 int, sigma float64) Case {
	return Case{fmt.Sprintf("key_index_%v/%d rows of %d heads of %d from %d in tiles of %d, times %g", t, rows, kvHeads, d, row0, tile, sigma), func(rng *rand.Rand) Plan {
		const offset = 64
		x := kernels.Index{Type: t, Tile: tile}
		stride, heads := offset+kvHeads*d+32, x.Rows(row0+rows)*kvHeads
		qkv := Normal(rng, rows*stride, sigma)
		centre := Normal(rng, stride, sigma)
		copy(centre[4*offset:][:4*min(d, 64)], qkv[4*offset:]) // a head, or a part of one, that is zero
		return Plan{
			Buffers: []Buffer{In("qkv", qkv), Out("keys", t.KeyWords(heads, d), steps(t)), Out("scale", t.ScaleWords(heads, d), scales(t)), In("centre", centre)},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				x.Keys, x.Scale = b[1], b[2]
				kernels.KeyIndex(r, x, b[0], b[3], rows, stride, offset, kvHeads, d, row0)
			},
		}
	}}
}

// probes are patterns of queries whose whole numbers are none, or easily wrong.
var probes = []pattern{
	{"zero", func(*rand.Rand, int) float32 { return 0 }},
	{"all the same", func(*rand.Rand, int) float32 { return -3.25 }},
	{"huge", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64() * 1e30) }},
	{"tiny", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64() * 1e-30) }},
	{"next to nothing", func(rng *rand.Rand, _ int) float32 { return float32(rng.NormFloat64() * 1e-38) }},
	{"NaN among them", func(rng *rand.Rand, i int) float32 {
		if i == 5 {
			return float32(math.NaN())
		}
		return float32(rng.NormFloat64())
	}},
}

// tiles are those of the key index on a CPU and on a GPU.
var tiles = []int{kernels.IndexTile(gpu.CPU), kernels.IndexTile(gpu.Discrete)}

func keyIndexCases() (cases []Case) {
	for _, t := range []kernels.IndexType{kernels.IndexI8, kernels.IndexI4} {
		for _, d := range []int{16, 64, 80, 128} {
			if t.Fits(d) == nil {
				for _, tile := range tiles {
					cases = append(cases, keyIndexCase(t, tile, 1, 2, d, 5, 1), keyIndexCase(t, tile, 70, 3, d, 0, 40), keyIndexCase(t, tile, 9, 1, d, 30, 0.01))
				}
			}
		}
	}
	return cases
}

// steps compares whole numbers of a key index, of which one in a hundred may be
// the next one.
func steps(t kernels.IndexType) Compare {
	bits := 8
	if t == kernels.IndexI4 {
		bits = 4
	}
	return func(want, got []byte) error {
		differ, values := 0, len(want)*8/bits
		for i := range values {
			w, g := field(want, i, bits), field(got, i, bits)
			if d := w - g; d < -1 || d > 1 {
				return fmt.Errorf("value %d is %d, expected %d or one beside it", i, g, w)
			} else if d != 0 {
				differ++
			}
		}
		if differ > 2+values/100 {
			return fmt.Errorf("%d of %d values are one off, expected at most one in a hundred", differ, values)
		}
		return nil
	}
}

// field is value i of bits bits, with a sign where it takes eight.
func field(b []byte, i, bits int) int {
	if bits == 8 {
		return int(int8(b[i]))
	}
	return int(b[i/2] >> (4 * (i % 2)) & 15)
}

// scales compares scales of a key index: float16 ones may be the next one.
func scales(t kernels.IndexType) Compare {
	if t == kernels.IndexI8 {
		return NMSE(1e-12)
	}
	return func(want, got []byte) error {
		for i := 0; i < len(want); i += 2 {
			w, g := int(binary.LittleEndian.Uint16(want[i:])), int(binary.LittleEndian.Uint16(got[i:]))
			if w-g < -1 || w-g > 1 {
				return fmt.Errorf("scale %d is %#04x, expected %#04x", i/2, g, w)
			}
		}
		return nil
	}
}

func scoreStatsCases() (cases []Case) {
	const exact = kernels.IndexNone
	add := func(s scored) { cases = append(cases, s.toCase()) }
	bothCaches(func(t kernels.CacheType) {
		for _, d := range []int{16, 64, 80, 96, 128} {
			for _, group := range []int{1, 2, 4, 7} {
				add(scored{t, exact, 0, 2, group, d, 3, 65, 0, group%2 == 0, nil})
			}
		}
		for _, n := range []int{1, 63, 64, 1000, 5000} {
			add(scored{t, exact, 0, 1, 4, 64, 0, n, 0, true, nil})
		}
		add(scored{t, exact, 0, 8, 1, 16, 5, 20000, 0, false, nil}) // several rounds a workgroup, the last not full
		add(scored{t, exact, 0, 3, 2, 64, 16, 130, 1, true, nil})
	})
	for _, t := range []kernels.IndexType{kernels.IndexI8, kernels.IndexI4} {
		for _, tile := range tiles {
			for _, d := range []int{16, 32, 64, 80, 128} {
				for _, group := range []int{1, 2, 4, 7} {
					if t.Fits(d) == nil {
						add(scored{0, t, tile, 2, group, d, 3, 65, 0, group%2 == 0, nil})
					}
				}
			}
			for _, n := range []int{1, 63, 64, 1000, 20000} {
				add(scored{0, t, tile, 4, 3, 64, 2, n, 0, true, nil})
			}
			add(scored{0, t, tile, 8, 1, 64, 5, 70000, 0, false, nil}) // several rounds a workgroup, the last not full
			add(scored{0, t, tile, 3, 2, 64, 16, 130, 1, true, nil})
		}
		for i := range probes {
			add(scored{0, t, kernels.IndexTile(gpu.Discrete), 2, 2, 64, 1, 40, 0, i%2 == 0, &probes[i]})
		}
	}
	return cases
}

// voteHistCase votes over keys that are the pattern, in windows of half to each side.
func voteHistCase(s pattern, heads, n, half, hit int) Case {
	return Case{fmt.Sprintf("soft_vote_hist/%s scores, %d heads, %d candidates, %d to each side, hit %d", s.name, heads, n, half, hit), func(rng *rand.Rand) Plan {
		const d = 16
		return Plan{
			Buffers: []Buffer{
				In("q", Normal(rng, heads*d, 1)), In("table", angles(d, 1)), In("k", Floats(s.values(rng, n*heads*d)...)), state(hit, 0),
				Out("score", heads*n, Scratch), Out("stats", kernels.ScoreStatsWords(heads, heads, n), Scratch),
				Out("vote", n, NMSE(1e-6)), InOut("hist", repeat(0, kernels.VoteHistWords), counts(n/50)),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.ScoreStats(r, kernels.CacheF32, b[0], b[1], b[2], kernels.Index{}, b[3], b[4], b[5], heads, heads, d, 0, n, 0, false, 1)
				kernels.SoftVoteHist(r, b[4], b[5], b[3], b[6], b[7], heads, n, kernels.ScoreBlocks(kernels.IndexNone, heads, heads, d, n), half)
			},
		}
	}}
}

// counts compares histograms of which some votes, next to the edge of a bin, may
// be counted in the bin beside it.
func counts(some int) Compare {
	return func(want, got []byte) error {
		total, differ := 0, 0
		for b := range len(want) / 4 {
			w, g := int(word(want, b)), int(word(got, b))
			total, differ = total+g-w, differ+max(w-g, g-w)
		}
		if total != 0 || differ > 2*some {
			return fmt.Errorf("%d votes more, %d in other bins, expected 0 and at most %d", total, differ/2, some)
		}
		return nil
	}
}

func voteHistCases() (cases []Case) {
	for _, heads := range []int{1, 7, 33} {
		for _, n := range []int{1, 255, 1025, 5000} {
			for hit := range 2 {
				if hit == 0 || n == 1025 {
					cases = append(cases, voteHistCase(scores[0], heads, n, 0, hit))
				}
			}
		}
	}
	// Windows across what a workgroup writes, 256 less both its sides.
	for _, c := range [][3]int{{1, 1, 8}, {9, 3, 8}, {253, 2, 1}, {5000, 3, 1}, {480, 2, 8}, {481, 2, 8}, {5000, 7, 2}, {3000, 33, 8}} {
		cases = append(cases, voteHistCase(scores[0], c[1], c[0], c[2], 0))
	}
	// Of so many an invocation takes four and eight.
	return append(cases, voteHistCase(scores[0], 2, 1025, 2, 1), voteHistCase(scores[3], 2, 70001, 0, 0),
		voteHistCase(scores[3], 2, 70001, 2, 0), voteHistCase(scores[0], 1, 70001, 8, 0), voteHistCase(scores[0], 1, 512<<10+300, 3, 0))
}

// topKBorderCase selects from votes whose histogram is given.
func topKBorderCase(v pattern, n, k, lo int) Case {
	return Case{fmt.Sprintf("top_k_border/%s votes, %d of %d from %d", v.name, k, n, lo), func(rng *rand.Rand) Plan {
		some, hist := v.values(rng, n), make([]uint32, kernels.VoteHistWords)
		for _, vote := range some {
			hist[kernels.VoteBin(vote)]++
		}
		return Plan{
			Buffers: []Buffer{
				In("vote", Floats(some...)), state(0, 0), InOut("hist", Words(hist...), Exact), Out("cut", kernels.CutWords, Exact),
				Out("counts", kernels.CountWords(n), Exact), Out("border", kernels.BorderWords(n), Scratch), Out("sel", k, Exact),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.TopKBorder(r, b[0], b[1], b[2], b[3], b[4], b[5], b[6], n, k, lo)
			},
		}
	}}
}

func topKBorderCases() (cases []Case) {
	for _, v := range votes {
		// Of equal votes 256 are the most that ranks are compared of.
		for _, n := range []int{1, 63, 256, 257, 2047, 2048, 2049, 5000} {
			ks := []int{1, n/3 + 1, n - 1, n}
			if n == 1 {
				ks = []int{1}
			}
			for _, k := range ks {
				cases = append(cases, topKBorderCase(v, n, k, 7))
			}
		}
	}
	return append(cases, topKBorderCase(votes[0], 70000, 2048, 16), topKBorderCase(votes[1], 70000, 2048, 16))
}

// fusedPipelineCases run whole selections, one after the other: rounding may
// decide about rows next to the cut and about no others, each selection must
// leave the histogram ready for the next, and a hit must leave it alone.
func fusedPipelineCases() (cases []Case) {
	const kvHeads, group, d, lo, pos = 2, 4, 64, 16, 20
	heads := kvHeads * group
	for _, n := range []int{300, 3000, 20000, 70000} {
		bothCaches(func(t kernels.CacheType) {
			k := n / 8
			cases = append(cases, Case{fmt.Sprintf("select_fused_%v/%d of %d", t, k, n), func(rng *rand.Rand) Plan {
				return Plan{
					Buffers: []Buffer{
						In("q", Normal(rng, heads*d, 0.3)), In("table", angles(d, pos+1)), In("k", cacheData(rng, t, (lo+n)*kvHeads*d)), state(0, 0),
						Out("score", heads*n, Scratch), Out("stats", kernels.ScoreStatsWords(heads, kvHeads, n), Scratch), Out("vote", n, Scratch),
						InOut("hist", repeat(0, kernels.VoteHistWords), Scratch), Out("cut", kernels.CutWords, Scratch), Out("counts", kernels.CountWords(n), Scratch),
						Out("border", kernels.BorderWords(n), Scratch), Out("sel", k, Jaccard(0.99)), Out("of fewer", 20, Jaccard(0.9)),
						Out("of a hit", 20, Exact), In("hit", Words(1, 77, 1, 0, 0, 5, 6)), Out("pooled", k, Jaccard(0.99)),
					},
					Record: func(r *gpu.Recording, b []gpu.Range) {
						choose := func(state, sel gpu.Range, n, k, half int) {
							kernels.ScoreStats(r, t, b[0], b[1], b[2], kernels.Index{}, state, b[4], b[5], heads, kvHeads, d, lo, n, pos, true, 1)
							kernels.SoftVoteHist(r, b[4], b[5], state, b[6], b[7], heads, n, kernels.ScoreBlocks(kernels.IndexNone, heads, kvHeads, d, n), half)
							kernels.TopKBorder(r, b[6], state, b[7], b[8], b[9], b[10], sel, n, k, lo)
						}
						choose(b[3], b[11], n, k, 0)
						choose(b[14], b[13], n, 20, 2)
						choose(b[3], b[15], n, k, 2)
						choose(b[3], b[12], n/3, 20, 0)
					},
				}
			}})
		})
	}
	return cases
}

// indexPipelineCases run a whole selection from a key index, as a GPU has it: a
// probe in whole numbers may decide about no more rows than other rounding does.
func indexPipelineCases() (cases []Case) {
	const kvHeads, group, d, lo, pos = 2, 4, 64, 16, 20
	heads := kvHeads * group
	for _, t := range []kernels.IndexType{kernels.IndexI8, kernels.IndexI4} {
		for _, n := range []int{3000, 20000} {
			k, x := n/8, kernels.Index{Type: t, Tile: kernels.IndexTile(gpu.Discrete)}
			cases = append(cases, Case{fmt.Sprintf("select_fused_%v/%d of %d", t, k, n), func(rng *rand.Rand) Plan {
				keys, scale := someIndex(rng, x, lo+n, kvHeads, d)
				return Plan{
					Buffers: []Buffer{
						In("q", Normal(rng, heads*d, 0.3)), In("table", angles(d, pos+1)), In("keys", keys), In("scale", scale), state(0, 0),
						Out("score", heads*n, Scratch), Out("stats", kernels.ScoreStatsWords(heads, kvHeads, n), Scratch), Out("vote", n, Scratch),
						InOut("hist", repeat(0, kernels.VoteHistWords), Scratch), Out("cut", kernels.CutWords, Scratch), Out("counts", kernels.CountWords(n), Scratch),
						Out("border", kernels.BorderWords(n), Scratch), Out("sel", k, Jaccard(0.995)),
					},
					Record: func(r *gpu.Recording, b []gpu.Range) {
						x := kernels.Index{Type: x.Type, Tile: x.Tile, Keys: b[2], Scale: b[3]}
						kernels.ScoreStats(r, kernels.CacheF16, b[0], b[1], gpu.Range{}, x, b[4], b[5], b[6], heads, kvHeads, d, lo, n, pos, true, 1)
						kernels.SoftVoteHist(r, b[5], b[6], b[4], b[7], b[8], heads, n, kernels.ScoreBlocks(t, heads, kvHeads, d, n), 0)
						kernels.TopKBorder(r, b[7], b[4], b[8], b[9], b[10], b[11], b[12], n, k, lo)
					},
				}
			}})
		}
	}
	return cases
}
