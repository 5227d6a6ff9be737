package session_test

import (
	"context"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// TestSlidingWindow: of a layer with a sliding window a step says that the last rows
// were attended to and no first ones, from the prompt's last token on, and that this
// is all that dense attention would have; of the others it says what it always says.
func TestSlidingWindow(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	known, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	const window = 32
	ckpt, err := weights.Random(weights.Config{Name: "random", Architecture: "qwen2", Layers: 3, Hidden: 32, FeedForward: 64, Heads: 4, KVHeads: 2, HeadDim: 8,
		Vocab: known.Config.Vocab, Context: 256, NormEps: 1e-5, RopeTheta: 1e4, AttentionBias: true, Window: window, Windowed: []bool{false, true, false}}, weights.Q8_0, 1)
	if err != nil {
		t.Fatal(err)
	}
	ckpt.Tokenizer = known.Tokenizer
	m, err := session.Load(dev, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	w := serve(t, session.Host{Load: func(context.Context, trace.Command, func(string, int64, int64)) (session.Loaded, error) {
		return session.Loaded{Model: m}, nil
	}})
	defer w.end()
	w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)
	nInit, nLocal, k, chunk := 4, 16, 24, 50
	w.until(w.say(trace.Command{Type: trace.Open, Document: strings.Repeat(plain, 40),
		Selection: &trace.Selection{NInit: &nInit, NLocal: &nLocal, K: &k, Chunk: &chunk}}), trace.Opened)
	steps := 0
	for _, e := range w.until(w.say(trace.Command{Type: trace.Ask, Question: "What day was it?", MaxTokens: 4, IgnoreEnd: true,
		Record: &trace.Record{Votes: true, Mass: true, Heads: 4, Scores: []trace.Head{{Layer: 1}, {Layer: 2}}}}), trace.Done) {
		if e.Step == nil {
			continue
		}
		steps++
		for i := range e.Step.Layers {
			l := &e.Step.Layers[i]
			slides := i == 1
			if l.Sliding != slides || (l.Votes == nil) != slides || (l.Blocks == nil) != slides || len(l.Scores) != min(i, 1) {
				t.Errorf("step %d, layer %d: sliding %v, %d votes, blocks %v, scores of %d heads", steps, i, l.Sliding, len(l.Votes), l.Blocks, len(l.Scores))
			}
			for _, mass := range l.Mass {
				if slides && (mass[0] != 0 || mass[1] != 0 || mass[2] != 1 || mass[3] != 0) || !slides && mass[3] == 0 {
					t.Errorf("step %d, layer %d: first rows, selected, local and other ones have %v of the mass", steps, i, mass)
				}
			}
			if !slides {
				if first, local := e.Step.Between(i, k); first != nInit || local > e.Step.N-nLocal-1 {
					t.Errorf("step %d, layer %d: first rows to %d and local ones from %d of %d", steps, i, first, local, e.Step.N)
				}
				continue
			}
			if first, local := e.Step.Between(i, 0); first != 0 || local != e.Step.N-window || l.Attended != window || l.All {
				t.Errorf("step %d, layer %d: %d rows attended to, the first to %d and local ones from %d of %d", steps, i, l.Attended, first, local, e.Step.N)
			}
			for h, near := range l.Near {
				if near != 1 {
					t.Errorf("step %d, layer %d, head %d: %g of the mass with distances cut", steps, i, h, near)
				}
			}
			for h, top := range l.Top {
				for _, row := range top {
					if row < e.Step.N-window || row >= e.Step.N-nLocal-1 {
						t.Errorf("step %d, head %d of layer %d gives row %d of %d weight", steps, h, i, row, e.Step.N)
					}
				}
			}
			if len(l.Scores[0].Values) != e.Step.N || l.Scores[0].Keys != nil || l.Scores[0].Lo < -1e3 {
				t.Errorf("step %d: scores of %d rows from %g on, and %d keys of candidates that there are not", steps, len(l.Scores[0].Values), l.Scores[0].Lo, len(l.Scores[0].Keys))
			}
		}
	}
	if steps != 4 {
		t.Errorf("%d steps, expected 4", steps)
	}
}
