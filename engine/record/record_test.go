package record

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
	"tokenselect/engine/model"
	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
	"tokenselect/engine/weights"
)

var shape = selection.Shape{Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 8, InvFreq: []float32{1, 0.3, 0.1, 0.03}, RopeScale: 1.5}

func normal(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// turned is x at a position, by the definition of RoPE.
func turned(x, table []float32, pos int) []float64 {
	d := len(x)
	row, y := table[pos*d:], make([]float64, d)
	for i := range d / 2 {
		cos, sin, a, b := float64(row[i]), float64(row[d/2+i]), float64(x[i]), float64(x[d/2+i])
		y[i], y[d/2+i] = a*cos-b*sin, b*cos+a*sin
	}
	return y
}

// TestLogits against attention by its definition: queries and keys turned each by its
// own position.
func TestLogits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 300 // more than a block of rows
	d := shape.HeadDim
	table := kernels.RopeTable(shape.InvFreq, n, 1.5)
	r := &Recorder{Watcher: &Watcher{shape: shape}, angles: newAngles(shape)}
	s := &Step{Query: normal(rng, shape.Heads*d), Keys: normal(rng, n*shape.KVHeads*d), N: n, C: 1}
	check := func(what string, got [][]float32, rows int, row func(i int) int, away func(i int) int) {
		t.Helper()
		for h := range shape.Heads {
			want, sum := make([]float64, rows), 0.0
			for i := range want {
				x, k := turned(s.Query[h*d:][:d], table, away(i)), turned(s.Keys[(row(i)*shape.KVHeads+h/2)*d:][:d], table, 0)
				dot := 0.0
				for j := range x {
					dot += x[j] * k[j]
				}
				want[i] = dot / math.Sqrt(float64(d))
				if diff := math.Abs(float64(got[h][i]) - want[i]); diff > 1e-4 {
					t.Fatalf("%s, head %d, row %d: q·k/√d %g, expected %g", what, h, i, got[h][i], want[i])
				}
				sum += math.Exp(want[i])
			}
			softmax(got[h : h+1])
			for i := range want {
				if diff := math.Abs(float64(got[h][i]) - math.Exp(want[i])/sum); diff > 1e-5 {
					t.Fatalf("%s, head %d, row %d: weight %g, expected %g", what, h, i, got[h][i], math.Exp(want[i])/sum)
				}
			}
		}
	}
	self := func(i int) int { return i }
	for _, most := range []int{n, 10, 0} {
		check("all rows", r.toAll(s, most), n, self, func(i int) int { return min(n-1-i, most) })
	}
	list := []int{0, 1, 7, 40, 41, 298, 299}
	check("a list", r.toList(s, list), len(list), func(i int) int { return list[i] }, func(i int) int { return len(list) - 1 - i })
}

func TestRows(t *testing.T) {
	for _, c := range []struct {
		a      kernels.Attended
		chosen []int
		n, c   int
		want   []int
	}{
		{kernels.Attended{NLocal: 4}, nil, 5, 1, []int{0, 1, 2, 3, 4}},
		{kernels.Attended{NInit: 2, NLocal: 3}, nil, 10, 1, []int{0, 1, 6, 7, 8, 9}},
		{kernels.Attended{NInit: 1, NLocal: 2, UseMid: true}, []int{3, 5}, 10, 1, []int{0, 3, 5, 7, 8, 9}},
		{kernels.Attended{NInit: 4, NLocal: 4}, nil, 6, 1, []int{0, 1, 2, 3, 4, 5}},
		// Of a chunk of three, before which two are local.
		{kernels.Attended{NInit: 1, NLocal: 2, UseMid: true}, []int{2, 4}, 10, 3, []int{0, 2, 4, 5, 6, 7, 8, 9}},
		// A sliding window of three, whose last query does not see the whole chunk.
		{kernels.Attended{NLocal: 2, Sliding: 3}, nil, 10, 4, []int{7, 8, 9}},
	} {
		if got := Rows(c.a, c.chosen, c.n, c.c); !slices.Equal(got, c.want) {
			t.Errorf("%+v of %d: %v, expected %v", c.a, c.n, got, c.want)
		}
	}
}

func TestBest(t *testing.T) {
	w := [][]float32{{0, 0.4, 0.1, 0.1, 0.1, 0.3}, {0.5, 0, 0.2, 0, 0.3, 0}}
	if got := Best(w, 1, 6, 2); !slices.Equal(got, []int{1, 4}) { // 0.4 each, before 0.3 and 0.3
		t.Errorf("best rows %v, expected 1 and 4", got)
	}
	// Between 1 and 6 the heads have 1 and 0.5.
	if got, want := BestBlocks(w, 1, 6, 2, 1), ((0.4+0.1)/1+0.3/0.5)/2; math.Abs(got-want) > 1e-6 {
		t.Errorf("single tokens hold %g, expected %g", got, want)
	}
	// Blocks 1-2, 3-4, 5: the first has 0.7.
	if got, want := BestBlocks(w, 1, 6, 2, 2), ((0.4+0.1)/1+0.2/0.5)/2; math.Abs(got-want) > 1e-6 {
		t.Errorf("a block of two holds %g, expected %g", got, want)
	}
	if got := BestBlocks(w, 1, 6, 2, 8); got != 0 {
		t.Errorf("a block beyond the budget holds %g, expected 0", got)
	}
}

func TestMeasures(t *testing.T) {
	if got := Jaccard([]int{1, 2, 3}, []int{2, 3, 4}); got != 0.5 {
		t.Errorf("Jaccard %g, expected 0.5", got)
	}
	if got := Cosine([]float32{3, 4}, []float32{4, 3}); math.Abs(got-0.96) > 1e-9 {
		t.Errorf("cosine %g, expected 0.96", got)
	}
	if got := Cosine([]float32{0, 0}, []float32{4, 3}); got != 0 {
		t.Errorf("cosine with nothing %g, expected 0", got)
	}
}

// TestVotes against the formula, and what is told of an election.
func TestVotes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const heads, n, k, lo = 10, 200, 12, 16
	scores := normal(rng, heads*n)
	for i := range scores {
		scores[i] *= 4
	}
	for _, half := range []int{0, 2} {
		want := make([]float64, n)
		own := make([]float64, n)
		for h := range heads {
			sum := 0.0
			for t := range n {
				sum += math.Exp(float64(scores[h*n+t]))
			}
			for t := range n {
				own[t] += math.Exp(float64(scores[h*n+t])) / sum
			}
		}
		for t := range want {
			want[t] = slices.Max(own[max(0, t-half):min(n, t+half+1)])
		}
		got := votes(scores, heads, half)
		for i := range want {
			if math.Abs(float64(got[i])-want[i]) > 1e-5 {
				t.Fatalf("%d to each side, candidate %d: %g, expected %g", half, i, got[i], want[i])
			}
		}
		var rows []int
		for _, i := range best(got, k) {
			rows = append(rows, lo+i)
		}
		var l trace.Layer
		elect(&l, &Step{Scores: scores, Lo: lo, Chosen: selection.Chosen{Rows: rows}}, heads, half, k)
		sorted := slices.Sorted(slices.Values(got))
		if l.Candidates != n || l.Cut[0] != sorted[n-k] || l.Cut[1] != sorted[n-k-1] || len(l.Votes) != k || len(l.HeadVotes) != 2*k {
			t.Errorf("%d candidates, cut %v, %d votes, %d bytes of heads; the votes at the cut are %v", l.Candidates, l.Cut, len(l.Votes), len(l.HeadVotes), sorted[n-k-1:n-k+1])
		}
		for i, r := range rows {
			if l.Votes[i] != trace.Log8(float64(got[r-lo])) {
				t.Errorf("row %d has vote %d", r, l.Votes[i])
			}
			for h := range heads {
				better := 0
				for _, v := range scores[h*n:][:n] {
					if v > scores[h*n+r-lo] {
						better++
					}
				}
				if has := l.HeadVotes[2*i+h/8]>>(h%8)&1 == 1; has != (better < k) {
					t.Errorf("row %d is head %d's number %d, and among its %d best: %v", r, h, better+1, k, has)
				}
			}
		}
	}
}

// TestFaultySelection: rows that nobody voted on have no vote.
func TestFaultySelection(t *testing.T) {
	var l trace.Layer
	elect(&l, &Step{Scores: []float32{1, 2, 3, 4}, Lo: 10, Chosen: selection.Chosen{Rows: []int{3, 13, 99}}}, 1, 0, 3)
	if len(l.Votes) != 3 || l.Votes[0] != 0 || l.Votes[1] == 0 || l.Votes[2] != 0 || l.Cut[0] != 0 {
		t.Errorf("votes %v, cut %v", l.Votes, l.Cut)
	}
}

// TestBestOf against a sort, with ties, negative values and what is no number.
func TestBestOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 200 {
		values := make([]float32, 1+rng.IntN(60))
		for i := range values {
			values[i] = float32(rng.IntN(9) - 4)
		}
		k := rng.IntN(len(values) + 2)
		order := make([]int, len(values))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[b], values[a]) })
		want := slices.Sorted(slices.Values(order[:min(k, len(order))]))
		if got := best(values, k); !slices.Equal(got, want) {
			t.Fatalf("%d best of %v: %v, expected %v", k, values, got, want)
		}
	}
	if got := best([]float32{1, float32(math.NaN()), 3, float32(math.Inf(-1))}, 2); len(got) != 2 {
		t.Errorf("two of four are %v", got)
	}
}

// TestScoresAreOfTheLayer: what is copied of the device's scores is the product of the
// layer's own query and keys, at the distance of the local window.
func TestScoresAreOfTheLayer(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	c := weights.Config{Name: "random", Architecture: "llama", Layers: 3, Hidden: 32, FeedForward: 64, Heads: 4, KVHeads: 2, HeadDim: 8,
		Vocab: 64, Context: 128, NormEps: 1e-5, RopeTheta: 1e4}
	ckpt, err := weights.Random(c, weights.Q8_0, 2)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(dev, ckpt)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	of := selection.Shape{Layers: c.Layers, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, InvFreq: c.InvFreq()}
	cfg := selection.Default(c.Context)
	cfg.NInit, cfg.NLocal, cfg.K, cfg.Chunk = 2, 8, 10, 8
	sel, err := selection.New(dev, cfg, of)
	if err != nil {
		t.Fatal(err)
	}
	defer sel.Close()
	r, err := New(dev, sel, of, Options{Record: trace.Record{Votes: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	seq, err := m.NewSequence(64, cfg.Chunk, kernels.CacheF32, cfg.Index, r)
	if err != nil {
		t.Fatal(err)
	}
	defer seq.Close()
	for i := range 50 {
		if err := seq.Feed([]int{i * 11 % c.Vocab}, true); err != nil {
			t.Fatal(err)
		}
	}
	err = r.Look(t.Context(), true, func(layer int, s *Step) {
		n := s.N - s.C - cfg.NLocal - s.Lo
		for h, all := range r.toAll(s, cfg.NLocal) {
			for i := range n {
				if got, want := s.Scores[h*n+i], all[s.Lo+i]*float32(math.Sqrt(float64(c.HeadDim))); math.Abs(float64(got-want)) > 1e-4 {
					t.Fatalf("layer %d, head %d, candidate %d: %g, expected %g", layer, h, i, got, want)
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
