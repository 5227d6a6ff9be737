package session

import (
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
	return s.conv.s.Recorded(ctx, e.Step)
}

// likeliest is how many tokens are told that might have come.
const likeliest = 5

// likely is the probability of a token and the likeliest ones.
func (s *steps) likely(logits []float32, id int) (p float64, top []trace.Likely) {
	exact := record.Likelihood(logits)
	of := func(t int) float64 { return math.Round(exact(t)*1e6) / 1e6 }
	for _, t := range record.Largest(logits, likeliest) {
		top = append(top, trace.Likely{Token: t, Text: string(s.conv.m.Tokenizer.DecodeBytes([]int{t})), P: of(t)})
	}
	return of(id), top
}

// recordOptions is what a client wants recorded.
func recordOptions(r *trace.Record) *record.Options {
	if r == nil {
		return nil
	}
	return &record.Options{Record: *r}
}

// step is what the layers chose, as a message. N is the rows of the cache.
func step(coder *trace.Encoder, cfg selection.Config, n int, chosen []selection.Chosen) *trace.Step {
	s := &trace.Step{N: n, NInit: cfg.NInit, NLocal: cfg.Recent()}
	for i, c := range chosen {
		rows := c.Rows
		if rows == nil && c.Attended < n {
			rows = []int{}
		}
		l := coder.Layer(i, slices.Clone(rows))
		l.Attended, l.Hit, l.Cosine, l.Sliding = c.Attended, c.Hit, c.Cosine, c.Sliding
		s.Layers = append(s.Layers, l)
	}
	return s
}
