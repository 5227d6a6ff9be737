package mass

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
	"tokenselect/engine/model"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
)

var shape = Shape{Heads: 4, KVHeads: 2, HeadDim: 8}

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

// TestOf against attention by its definition: queries and keys turned each by its
// own position.
func TestOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 50
	invFreq := []float32{1, 0.3, 0.1, 0.03}
	table := kernels.RopeTable(invFreq, n, 1)
	q, keys := normal(rng, shape.Heads*shape.HeadDim), normal(rng, n*shape.KVHeads*shape.HeadDim)
	for _, most := range []int{n, 10, 0} {
		got := Of(q, keys, shape, n, Distances{table, most})
		for h := range shape.Heads {
			d := shape.HeadDim
			want, sum := make([]float64, n), 0.0
			for i := range want {
				// A key further off than most stands where it would be that far.
				x, k := turned(q[h*d:][:d], table, n-1), turned(keys[(i*shape.KVHeads+h/2)*d:][:d], table, max(i, n-1-most))
				dot := 0.0
				for j := range x {
					dot += x[j] * k[j]
				}
				want[i] = math.Exp(dot / math.Sqrt(float64(d)))
				sum += want[i]
			}
			for i := range want {
				if diff := math.Abs(float64(got[h][i]) - want[i]/sum); diff > 1e-5 {
					t.Fatalf("distances up to %d, head %d, row %d: %g, expected %g", most, h, i, got[h][i], want[i]/sum)
				}
			}
		}
	}
}

func TestRows(t *testing.T) {
	for _, c := range []struct {
		a      kernels.Attended
		chosen []int
		n      int
		want   []int
	}{
		{kernels.Attended{NLocal: 4}, nil, 5, []int{0, 1, 2, 3, 4}},
		{kernels.Attended{NInit: 2, NLocal: 3}, nil, 10, []int{0, 1, 6, 7, 8, 9}},
		{kernels.Attended{NInit: 1, NLocal: 2, UseMid: true}, []int{3, 5}, 10, []int{0, 3, 5, 7, 8, 9}},
		{kernels.Attended{NInit: 4, NLocal: 4}, nil, 6, []int{0, 1, 2, 3, 4, 5}},
	} {
		if got := Rows(c.a, c.chosen, c.n); !slices.Equal(got, c.want) {
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
	if got, want := Blocks(w, 1, 6, 2, 1), ((0.4+0.1)/1+0.3/0.5)/2; math.Abs(got-want) > 1e-6 {
		t.Errorf("single tokens hold %g, expected %g", got, want)
	}
	// Blocks 1-2, 3-4, 5: the first has 0.7.
	if got, want := Blocks(w, 1, 6, 2, 2), ((0.4+0.1)/1+0.2/0.5)/2; math.Abs(got-want) > 1e-6 {
		t.Errorf("a block of two holds %g, expected %g", got, want)
	}
	if got := Blocks(w, 1, 6, 2, 8); got != 0 {
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
	a := Average([]Found{
		{Steps: 1, Recall: [][]float64{{1, 0}}, Near: [][]float64{{1, 1}}, Cosine: []float64{0.5}, Overlap: []float64{0.8}, Blocks: map[int]float64{8: 0.5}},
		{Steps: 2, Recall: [][]float64{{0, 0}}, Near: [][]float64{{0, 1}}, Cosine: []float64{1}},
	})
	if a.Steps != 3 || a.Mean() != 0.25 || a.MeanNear() != 0.75 || a.Cosine[0] != 0.75 || a.Overlap[0] != 0.8 || a.Blocks[8] != 0.5 {
		t.Errorf("the average is %+v", a)
	}
}

// TestWatcher watches a model with random weights: it computes what it would
// unwatched, dense attention keeps all mass, a selection some.
func TestWatcher(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	c := weights.Config{Name: "random", Architecture: "llama", Layers: 2, Hidden: 32, FeedForward: 64, Heads: 4, KVHeads: 2, HeadDim: 8,
		Vocab: 64, Context: 128, NormEps: 1e-5, RopeTheta: 1e4}
	ckpt, err := weights.Random(c, weights.Q8_0, 1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(dev, ckpt)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const prompt, steps = 70, 4
	lists := map[selection.Policy]int{selection.Quest: c.Heads, selection.SnapKV: c.KVHeads}
	all := map[selection.Policy]bool{selection.Dense: true, selection.NTK: true, selection.SelfExtend: true}
	for _, policy := range selection.Policies() {
		for _, kv := range []kernels.CacheType{kernels.CacheF32, kernels.CacheF16} {
			cfg := selection.Default(c.Context)
			cfg.Policy, cfg.NInit, cfg.NLocal, cfg.K, cfg.Chunk = policy, 2, 8, 10, 8
			cfg.Rivals.Page, cfg.Rivals.Block, cfg.Rivals.Representatives, cfg.Rivals.Window = 2, 5, 2, 4
			feed := func(sel model.Selector, after func()) (ids []int) {
				seq, err := m.NewSequence(prompt+steps, cfg.Chunk, kv, cfg.Index, sel)
				if err != nil {
					t.Fatal(err)
				}
				defer seq.Close()
				for at := 0; at < prompt+steps; {
					n := min(cfg.Chunk, prompt-at)
					if at >= prompt {
						n = 1
					}
					var chunk []int
					for i := range n {
						chunk = append(chunk, (at+i)*7%c.Vocab)
					}
					if err := seq.Feed(chunk, true); err != nil {
						t.Fatal(err)
					}
					id, err := seq.Sampled(context.Background())
					if err != nil {
						t.Fatal(err)
					}
					ids = append(ids, id)
					if at += n; at > prompt {
						after()
					}
				}
				return ids
			}
			shape := selection.Shape{Layers: c.Layers, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, InvFreq: c.InvFreq()}
			plain, err := selection.New(dev, cfg, shape)
			if err != nil {
				t.Fatal(err)
			}
			want := feed(plain, func() {})
			plain.Close()

			sel, err := selection.New(dev, cfg, shape)
			if err != nil {
				t.Fatal(err)
			}
			of := Shape{c.Heads, c.KVHeads, c.HeadDim}
			w, err := Watch(dev, sel, of, c.Layers)
			if err != nil {
				t.Fatal(err)
			}
			look := NewLook(of, cfg, kernels.RopeTable(c.InvFreq(), prompt+steps, 1), []int{1, 8})
			seen := prompt
			got := feed(w, func() {
				layers, err := w.Step(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				seen++
				chosen, err := sel.Chosen(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				for i, l := range layers {
					if l.N != seen || len(l.Keys) != seen*c.KVHeads*c.HeadDim || len(l.Query) != c.Heads*c.HeadDim {
						t.Fatalf("layer %d: %d rows, %d values of keys, expected %d rows", i, l.N, len(l.Keys), seen)
					}
					if n := len(l.Lists); n != max(1, lists[policy]) {
						t.Errorf("%s, layer %d: %d lists, expected %d", policy, i, n, max(1, lists[policy]))
					}
					if got := len(l.Lists[0].Rows); got != chosen[i].Attended {
						t.Errorf("%s, layer %d: %d rows, the selector attended to %d", policy, i, got, chosen[i].Attended)
					}
				}
				look.Add(layers)
			})
			w.Close()
			if !slices.Equal(got, want) {
				t.Errorf("%s: watched %v, unwatched %v", policy, got, want)
			}
			f := look.Found()
			switch mean := f.Mean(); {
			case f.Steps != steps:
				t.Errorf("%s: %d steps, expected %d", policy, f.Steps, steps)
			case all[policy] && math.Abs(mean-1) > 1e-5:
				t.Errorf("%s holds %g of the mass of dense attention with all rows", policy, mean)
			case !all[policy] && !(mean > 0.2 && mean < 0.99):
				t.Errorf("%s holds %g of the mass of dense attention with 21 rows of 74", policy, mean)
			case (f.Overlap != nil) != (!all[policy] && policy != selection.Window):
				t.Errorf("%s has an overlap of %v", policy, f.Overlap)
			case !(f.Blocks[1] > f.Blocks[8]) || f.Blocks[1] > 1:
				t.Errorf("%s: single tokens hold %g, blocks of 8 %g", policy, f.Blocks[1], f.Blocks[8])
			}
		}
	}
}
