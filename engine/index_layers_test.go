package engine_test

import (
	"context"
	"encoding/binary"
	"math"
	"testing"
	"unsafe"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
)

// nearEnough is how near selections from an index have to be to the exact ones of
// the same keys and queries, over the layers and steps of needle-16m.
var nearEnough = map[kernels.IndexType]struct {
	mean, least float64 // Jaccard
	mass        float64 // least share of the votes
}{
	kernels.IndexI8: {0.97, 0.6, 0.998},
	kernels.IndexI4: {0.78, 0.45, 0.92},
}

// longer tells the cases with a document of thousands of tokens and the budgets of
// needle-16m; of those of ten thousand, one.
func longer(c goldenCase) bool {
	return c.Config.K == 512 && c.Config.Theta == nil && (len(c.Turns[0].PromptIDs) < 8000 || c.Name == "multikey-3672")
}

// indexSpy watches the selections of a session with exact scores and makes each
// again, from the same keys and probe, with every type of index.
type indexSpy struct {
	gpu.Device
	t       *testing.T
	layers  int
	heads   int
	headDim int
	chunk   int // tokens of the first step
	on      bool
	seen    int         // selections while on
	dot     gpu.Command // the scoring that led to the selection
	bound   gpu.Command // what bounded its votes
	found   map[kernels.IndexType][]nearness
}

// nearness is what a layer's selection with an index has of the exact one.
type nearness struct {
	layer         int
	jaccard, mass float64 // mass: its votes over those of the exact selection
}

func (s *indexSpy) Submit(r *gpu.Recording) error {
	var one gpu.Recording
	for _, c := range r.Commands() {
		one.Reset()
		one.Add(c)
		if err := s.Device.Submit(&one); err != nil {
			return err
		}
		if c.Kernel == nil || !s.on {
			continue
		}
		switch c.Kernel.Name {
		case "score_stats_f32":
			s.dot = c
		case "vote_bound":
			s.bound = c
		case "choose":
			s.compare(c)
		}
	}
	return nil
}

// votes are those of all candidates.
func (s *indexSpy) votes(heads, n int) []uint32 {
	b, err := s.NewBuffer("votes", 4*n)
	if err != nil {
		s.t.Fatal(err)
	}
	defer s.Free(b)
	var r gpu.Recording
	kernels.SoftVote(&r, s.bound.Ranges[0], s.bound.Ranges[1], s.bound.Ranges[2], gpu.All(b), heads, n, kernels.ChooseBlocks(n))
	if err := s.Device.Submit(&r); err != nil {
		s.t.Fatal(err)
	}
	return s.words(gpu.All(b), n)
}

// words reads n words.
func (s *indexSpy) words(g gpu.Range, n int) []uint32 {
	raw := make([]byte, 4*n)
	if err := s.Read(context.Background(), g.Buffer, g.Offset, raw); err != nil {
		s.t.Fatal(err)
	}
	words := make([]uint32, n)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return words
}

// compare makes the selection that top wrote again.
func (s *indexSpy) compare(top gpu.Command) {
	p := *(*kernels.ScoreStatsParams)(unsafe.Pointer(unsafe.SliceData(s.dot.Params)))
	lo, n, kvHeads, d := int(p.Lo), int(p.N), int(p.KVHeads), s.headDim
	k := int((*(*kernels.ChooseParams)(unsafe.Pointer(unsafe.SliceData(top.Params)))).NSelect)
	heads := s.heads
	exact, votes := rowsOf(s.words(top.Ranges[4], k)), s.votes(heads, n)
	mass := func(rows []int) (sum float64) {
		for _, r := range rows {
			sum += float64(math.Float32frombits(votes[r-lo]))
		}
		return sum
	}
	for index := range nearEnough {
		var own []*gpu.Buffer
		buffer := func(words int) gpu.Range {
			b, err := s.NewBuffer("index", 4*words)
			if err != nil {
				s.t.Fatal(err)
			}
			own = append(own, b)
			return gpu.All(b)
		}
		x := kernels.Index{Type: index, Tile: 1, Keys: buffer(index.KeyWords((lo+n)*kvHeads, d)), Scale: buffer(index.ScaleWords((lo+n)*kvHeads, d))}
		state, score, sel := buffer(kernels.StateBytes/4), buffer(heads*n), buffer(k)
		stats, vote, centre := buffer(kernels.ScoreStatsWords(heads, kvHeads, n)), buffer(n), buffer(kvHeads*d)
		var r gpu.Recording
		// A float32 cache holds the keys as they were in qkv.
		q, table, keys := s.dot.Ranges[0], s.dot.Ranges[1], s.dot.Ranges[2]
		kernels.MeanRows(&r, keys, centre, s.chunk, kvHeads*d)
		kernels.KeyIndex(&r, x, keys, centre, lo+n, kvHeads*d, 0, kvHeads, d, 0)
		kernels.ScoreStats(&r, kernels.CacheF32, q, table, gpu.Range{}, x, state, score, stats, heads, kvHeads, d, lo, n, int(p.Pos), p.Turn != 0, 1/p.Scale)
		kernels.SoftVote(&r, score, stats, state, vote, heads, n, kernels.ScoreBlocks(index, heads, kvHeads, d, n))
		kernels.TopK(&r, vote, state, buffer(kernels.HistWords), buffer(kernels.CutWords), buffer(kernels.CountWords(n)), sel, n, k, lo)
		if err := s.Device.Submit(&r); err != nil {
			s.t.Fatal(err)
		}
		got := rowsOf(s.words(sel, k))
		s.found[index] = append(s.found[index], nearness{s.seen % s.layers, jaccard(got, exact), mass(got) / mass(exact)})
		for _, b := range own {
			s.Free(b)
		}
	}
	s.seen++
}

func rowsOf(words []uint32) []int {
	rows := make([]int, len(words))
	for i, w := range words {
		rows[i] = int(w)
	}
	return rows
}

// TestIndexSelections holds the selections of the indexes against the exact ones
// of the same keys and queries: the last chunk of each prompt and the first
// tokens of each answer.
func TestIndexSelections(t *testing.T) {
	spy := &indexSpy{Device: cpu(t, cpudev.Options{}), t: t, found: map[kernels.IndexType][]nearness{}}
	e := builtin(t, spy)
	spy.layers, spy.heads, spy.headDim = e.Config().Layers, e.Config().Heads, e.Config().HeadDim
	for _, c := range indexCases(t) {
		playIndexed(t, spy, e, c)
	}
	for index, want := range nearEnough {
		least, mass := 1.0, 1.0
		var all []float64
		for l := range spy.layers {
			var own, masses []float64
			for _, f := range spy.found[index] {
				if f.layer == l {
					own, masses = append(own, f.jaccard), append(masses, f.mass)
				}
			}
			mean, low := stats(own)
			meanMass, lowMass := stats(masses)
			t.Logf("%v, layer %d, %d selections: Jaccard mean %.4f, least %.4f; share of the votes mean %.5f, least %.5f", index, l, len(own), mean, low, meanMass, lowMass)
			all, least, mass = append(all, own...), min(least, low), min(mass, lowMass)
		}
		mean, _ := stats(all)
		t.Logf("%v: %d selections: Jaccard mean %.4f, least %.4f; least share of the votes %.5f", index, len(all), mean, least, mass)
		if len(all) == 0 || mean < want.mean || least < want.least || mass < want.mass {
			t.Errorf("%v: expected Jaccard of at least %.2f on average and %.2f at worst, and %.3f of the votes", index, want.mean, want.least, want.mass)
		}
	}
}

// indexCases are the longer golden cases, or one where few are asked for.
func indexCases(t *testing.T) (cases []goldenCase) {
	var golden struct{ Cases []goldenCase }
	readGolden(t, "selection-q8_0.json", &golden)
	for _, c := range golden.Cases {
		if longer(c) && (!fewGoldens || c.Name == "multikey-3672") {
			cases = append(cases, c)
		}
	}
	return cases
}

// playIndexed plays a case exactly, with the spy on where it matters.
func playIndexed(t *testing.T, spy *indexSpy, e *engine.Engine, c goldenCase) {
	t.Helper()
	ctx, total := context.Background(), 1
	for _, turn := range c.Turns {
		total += len(turn.PromptIDs) + len(turn.OutputIDs)
	}
	s, err := e.NewSession(engine.SessionOptions{Context: total, Selection: c.config()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	spy.chunk = c.Config.Chunk
	for _, turn := range c.Turns {
		// Whole chunks first, as they would be read in one go.
		first := (len(turn.PromptIDs) - 1) / c.Config.Chunk * c.Config.Chunk
		if err := s.Prefill(ctx, turn.PromptIDs[:first], nil); err != nil && first > 0 {
			t.Fatal(err)
		}
		spy.on = true
		if err := s.Prefill(ctx, turn.PromptIDs[first:], nil); err != nil {
			t.Fatal(err)
		}
		for i := range min(4, len(turn.OutputIDs)) {
			if err := s.Prefill(ctx, turn.OutputIDs[i:i+1], nil); err != nil {
				t.Fatal(err)
			}
		}
		spy.on = false
		if rest := turn.OutputIDs[min(4, len(turn.OutputIDs)):]; len(rest) > 0 {
			if err := s.Prefill(ctx, rest, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}
