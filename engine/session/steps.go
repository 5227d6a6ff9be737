package session

import (
	"cmp"
	"context"
	"math"
	"slices"

	"tokenselect/engine/record"
	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
)

// steps tells of the steps of one answer.
type steps struct {
	conv   *Conversation
	record *trace.Record
	coder  trace.Encoder
}

// fill adds to the event of a token what is told of the step that found it.
func (s *steps) fill(ctx context.Context, e *trace.Event) error {
	chosen, err := s.conv.Chosen(ctx)
	if err != nil {
		return err
	}
	e.Step = step(&s.coder, s.conv.opt.Selection, e.Len, chosen)
	if s.record == nil {
		return nil
	}
	logits, err := s.conv.s.Logits(ctx)
	if err != nil {
		return err
	}
	e.P, e.Top = s.likely(logits, e.Token)
	layers, kernels, err := s.conv.s.Recorded(ctx)
	if err != nil {
		return err
	}
	for _, k := range kernels {
		e.Step.Kernels = append(e.Step.Kernels, trace.Kernel{Name: k.Name, MS: rounded(k.Took.Seconds()*1000, 1e3)})
	}
	for i := range layers {
		recorded(&e.Step.Layers[i], &layers[i])
	}
	return nil
}

// likeliest is how many tokens are told that might have come.
const likeliest = 5

// likely is the probability of a token and the likeliest ones.
func (s *steps) likely(logits []float32, id int) (p float64, top []trace.Likely) {
	largest, sum := slices.Max(logits), 0.0
	var best [likeliest]int
	n := 0
	for t, v := range logits {
		sum += math.Exp(float64(v - largest))
		i := n
		for i > 0 && logits[best[i-1]] < v {
			i--
		}
		if i < likeliest {
			n = min(n+1, likeliest)
			copy(best[i+1:n], best[i:])
			best[i] = t
		}
	}
	of := func(t int) float64 { return rounded(math.Exp(float64(logits[t]-largest))/sum, 1e6) }
	for _, t := range best[:n] {
		top = append(top, trace.Likely{Token: t, Text: string(s.conv.m.Tokenizer.DecodeBytes([]int{t})), P: of(t)})
	}
	return of(id), top
}

// rounded is v in so many parts of 1: digits that mean nothing take room in a
// recording.
func rounded(v, parts float64) float64 { return math.Round(v*parts) / parts }

// recordOptions is what a client wants recorded.
func recordOptions(r *trace.Record) *record.Options {
	if r == nil {
		return nil
	}
	o := record.Options{Votes: r.Votes, Mass: r.Mass, Heads: r.Heads, Timings: r.Timings}
	for _, h := range r.Scores {
		o.Scores = append(o.Scores, record.Head(h))
	}
	return &o
}

// step is what the layers chose, as a message. N is the rows of the cache.
func step(coder *trace.Encoder, cfg selection.Config, n int, chosen []selection.Chosen) *trace.Step {
	s := &trace.Step{N: n, NInit: cfg.NInit, NLocal: cfg.NLocal}
	if cfg.Policy == selection.Window {
		s.NLocal += cfg.K // the same budget, all of it recent
	}
	for i, c := range chosen {
		rows := c.Rows
		if rows == nil && c.Attended < n {
			rows = []int{}
		}
		l := coder.Layer(i, slices.Clone(rows))
		l.Attended, l.Hit, l.Cosine = c.Attended, c.Hit, c.Cosine
		s.Layers = append(s.Layers, l)
	}
	return s
}

// recorded adds to a layer what was recorded of it.
func recorded(l *trace.Layer, r *record.Layer) {
	l.Votes, l.HeadVotes, l.Candidates = bytesOf(r.Votes), r.Agree, r.Candidates
	if r.Candidates > 0 {
		l.Cut = []float32{r.Least, r.Next}
	}
	l.Turn = float32(rounded(r.Turn, 1e4))
	for _, m := range r.Mass {
		l.Mass = append(l.Mass, fractions([]float32{m.First, m.Selected, m.Local, m.Rest}))
	}
	l.Near = fractions(r.Near)
	if r.Blocks != nil {
		l.Blocks = map[int]float32{}
	}
	for size, share := range r.Blocks {
		l.Blocks[size] = float32(rounded(float64(share), 1e4))
	}
	l.Top = r.Top
	for _, w := range r.Weights {
		l.Weights = append(l.Weights, bytesOf(w)...)
	}
	for _, s := range r.Scores {
		l.Scores = append(l.Scores, scores(s))
	}
}

// bytesOf is values on the scale of [trace.Log8].
func bytesOf(values []float32) []byte {
	var b []byte
	for _, v := range values {
		b = append(b, trace.Log8(float64(v)))
	}
	return b
}

func fractions(values []float32) []float32 {
	var f []float32
	for _, v := range values {
		f = append(f, float32(rounded(float64(v), 1e4)))
	}
	return f
}

// scores is a head's scores on a scale from the least to the greatest.
func scores(s record.HeadScores) trace.Scores {
	lo, hi := slices.Min(s.Values), slices.Max(s.Values)
	t := trace.Scores{Head: s.Head, Lo: float64(lo), Hi: float64(hi)}
	span := cmp.Or(hi-lo, 1)
	for _, v := range s.Values {
		t.Values = append(t.Values, byte(math.Round(255*float64((v-lo)/span))))
	}
	return t
}
