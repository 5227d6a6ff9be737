package record_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/kernels"
	"tokenselect/engine/model"
	"tokenselect/engine/record"
	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
	"tokenselect/engine/weights"
)

// TestRecorderCPU records each policy on the CPU device.
func TestRecorderCPU(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	held := dev.Buffers()
	for _, kv := range []kernels.CacheType{kernels.CacheF32, kernels.CacheF16} {
		testRecorder(t, dev, kv, selection.Policies())
	}
	if n := dev.Buffers(); n != held {
		t.Errorf("%d buffers are left, %d before", n, held)
	}
}

// TestRecorderWGPU does so on a GPU, whose votes are made by other kernels.
func TestRecorderWGPU(t *testing.T) {
	testRecorder(t, gputest.WGPU(t), kernels.CacheF16, []selection.Policy{selection.TokenSelect})
}

// testRecorder records a model with random weights: it computes what it would
// unwatched, dense attention keeps all mass, a selection some, and the rows that
// the device selected are those with the most votes.
func testRecorder(t *testing.T, dev gpu.Device, kv kernels.CacheType, policies []selection.Policy) {
	ctx := context.Background()
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
	const prompt, steps, k = 70, 4, 10
	lists := map[selection.Policy]int{selection.Quest: c.Heads, selection.SnapKV: c.KVHeads}
	all := map[selection.Policy]bool{selection.Dense: true, selection.NTK: true, selection.SelfExtend: true}
	shape := selection.Shape{Layers: c.Layers, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, InvFreq: c.InvFreq()}
	for _, policy := range policies {
		cfg := selection.Default(c.Context)
		cfg.Policy, cfg.NInit, cfg.NLocal, cfg.K, cfg.Chunk = policy, 2, 8, k, 8
		cfg.Rivals.Page, cfg.Rivals.Block, cfg.Rivals.Representatives, cfg.Rivals.Window = 2, 5, 2, 4
		feed := func(sel model.Selector, after func(n, c int)) (ids []int) {
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
				id, err := seq.Sampled(ctx)
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, id)
				if at += n; at >= prompt {
					after(at, n)
				}
			}
			return ids
		}
		plain, err := selection.New(dev, cfg, shape)
		if err != nil {
			t.Fatal(err)
		}
		want := feed(plain, func(int, int) {})
		plain.Close()

		sel, err := selection.New(dev, cfg, shape)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		r, err := record.New(dev, sel, shape, record.Options{
			Record: trace.Record{Votes: true, Mass: true, Heads: 3, Scores: []trace.Head{{Layer: 1, Head: 2}}},
			Seen: func(layer int, s *record.Step, near [][]float32) {
				seen++
				if len(near) != c.Heads || len(near[0]) != s.N {
					t.Errorf("%s, layer %d: weights of %d heads over %d rows, expected %d", policy, layer, len(near), len(near[0]), s.N)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		looked, recall := 0, 0.0
		got := feed(r, func(n, own int) {
			looked++
			layers := make([]trace.Layer, c.Layers)
			if err := r.Step(ctx, layers); err != nil {
				t.Fatal(err)
			}
			recall += record.Recalled(layers)
			chosen, err := sel.Chosen(ctx)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Look(ctx, true, func(i int, s *record.Step) {
				if s.N != n || s.C != own || len(s.Keys) != n*c.KVHeads*c.HeadDim || len(s.Query) != c.Heads*c.HeadDim {
					t.Fatalf("layer %d: %d rows, %d of them the step's, %d values of keys, expected %d rows and %d", i, s.N, s.C, len(s.Keys), n, own)
				}
				if got := len(s.Lists); s.C == 1 && got != max(1, lists[policy]) {
					t.Errorf("%s, layer %d: %d lists, expected %d", policy, i, got, max(1, lists[policy]))
				}
				if got := len(s.Lists[0].Rows); got != chosen[i].Attended {
					t.Errorf("%s, layer %d: %d rows, the selector attended to %d", policy, i, got, chosen[i].Attended)
				}
				testLayer(t, cfg, &layers[i], s, i == 1)
			})
			if err != nil {
				t.Fatal(err)
			}
		})
		r.Close()
		sel.Close()
		if !slices.Equal(got, want) {
			t.Errorf("%s: recorded %v, unwatched %v", policy, got, want)
		}
		if looked != steps+1 || seen != looked*c.Layers {
			t.Errorf("%s: %d steps and %d layers looked at, expected the last of the prompt's and %d", policy, looked, seen, steps)
		}
		switch recall /= float64(looked); {
		case all[policy] && math.Abs(recall-1) > 1e-3:
			t.Errorf("%s holds %g of the mass of dense attention with all rows", policy, recall)
		case !all[policy] && !(recall > 0.2 && recall < 0.99):
			t.Errorf("%s holds %g of the mass of dense attention with 21 rows of 74", policy, recall)
		}
	}
}

// testLayer holds what was recorded of a layer to what it did.
func testLayer(t *testing.T, cfg selection.Config, l *trace.Layer, s *record.Step, scored bool) {
	t.Helper()
	const heads = 4
	selects := cfg.Policy == selection.TokenSelect
	if (l.Cut != nil) != selects || (s.Scores != nil) != selects {
		t.Fatalf("%s has votes with the cut %v", cfg.Policy, l.Cut)
	}
	if selects {
		// The k best of the votes, but for what the device rounded otherwise.
		if len(l.Votes) != cfg.K || l.Candidates != s.N-s.C-cfg.NLocal-cfg.NInit || l.Cut[0] < l.Cut[1]*(1-1e-4) || l.Cut[1] <= 0 {
			t.Errorf("%d votes of %d candidates, the least that was selected %g, the greatest that was not %g", len(l.Votes), l.Candidates, l.Cut[0], l.Cut[1])
		}
		if least := trace.FromLog8(slices.Min(l.Votes)); math.Abs(least/float64(l.Cut[0])-1) > 0.05 {
			t.Errorf("the least vote is %g, at the cut it is %g", least, l.Cut[0])
		}
	}
	if len(l.Mass) != heads || len(l.Near) != heads || l.Blocks == nil || !(l.Blocks[0] > l.Blocks[1]) || l.Blocks[0] > 1 {
		t.Errorf("%s: mass %v, near %v, blocks %v", cfg.Policy, l.Mass, l.Near, l.Blocks)
	}
	for _, m := range l.Mass {
		if sum := m[0] + m[1] + m[2] + m[3]; math.Abs(float64(sum)-1) > 3e-4 {
			t.Errorf("%s: a head's mass %v comes to %g", cfg.Policy, m, sum)
		}
	}
	if len(l.Scores) > 0 != scored || scored && (len(l.Scores) != 1 || l.Scores[0].Head != 2 || len(l.Scores[0].Values) != s.N) {
		t.Errorf("%s: scores %v", cfg.Policy, l.Scores)
	}
	if own := len(s.Lists) == 1 && cfg.Policy != selection.NTK && cfg.Policy != selection.SelfExtend && cfg.Policy != selection.InfLLM; own != (l.Top != nil) {
		t.Errorf("%s: rows with the most weight %v", cfg.Policy, l.Top)
	}
	at := 0
	for _, top := range l.Top {
		for i, row := range top {
			if _, in := slices.BinarySearch(s.Lists[0].Rows, row); !in || row < cfg.NInit || row >= s.N-s.C-cfg.NLocal {
				t.Errorf("%s: row %d of %d has weight, and is not between the first and the local ones that were attended to", cfg.Policy, row, s.N)
			}
			if i > 0 && l.Weights[at+i] > l.Weights[at+i-1] {
				t.Errorf("%s: weights %v are not in order", cfg.Policy, l.Weights[at:at+len(top)])
			}
		}
		at += len(top)
	}
	if at != len(l.Weights) {
		t.Errorf("%s: %d weights of %d rows", cfg.Policy, len(l.Weights), at)
	}
}
