//go:build !js

package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"tokenselect/engine"
	"tokenselect/engine/record"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
	"tokenselect/engine/trace/recording"
)

// units is the number of UTF-16 code units of a text.
func units(text string) int { return len(utf16.Encode([]rune(text))) }

// budgets are the selections of -sweep, with budgets that are not said those of cfg.
func (t *tracing) budgets(cfg selection.Config) ([]selection.Config, error) {
	if t.sweep == "" {
		return nil, nil
	}
	list, ok := strings.CutPrefix(t.sweep, "k=")
	if !ok {
		return nil, usagef("-sweep %q, expected k= and numbers, as in k=64,128,256", t.sweep)
	}
	var all []selection.Config
	for _, s := range strings.Split(list, ",") {
		k, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return nil, usagef("-sweep %q: %q, expected a number of tokens", t.sweep, s)
		}
		c := cfg
		c.K = k
		all = append(all, c)
	}
	for _, s := range strings.Split(t.policies, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		c := cfg
		c.Policy = selection.Policy(s)
		all = append(all, c)
	}
	for _, c := range all {
		if err := c.Validate(); err != nil {
			return nil, usageError{fmt.Errorf("-sweep: %w", err)}
		}
	}
	return all, nil
}

// sweepOver answers with each budget.
func (t *tracing) sweepOver(ctx context.Context, m *session.Model, budgets []selection.Config, src *asked, events []trace.Event) ([]recording.Budget, error) {
	var needle []int // rows of the first mark
	own := ""
	for _, e := range events {
		switch {
		case e.Type == trace.Layout && e.Document != nil && len(src.marks) > 0:
			needle = rowsOf(*e.Document, src.marks[0])
		case e.Type == trace.Done:
			own = e.Text
		}
	}
	ids, err := prompt(m, src.document.Text, src.question)
	if err != nil {
		return nil, err
	}
	reply, right := src.forced(own)
	forced, scored := spelling(m, reply, right)
	var all []recording.Budget
	for _, cfg := range budgets {
		fmt.Fprintf(t.std.err, "sweep: %s, k %d\n", cfg.Policy, cfg.K)
		b, err := t.answerWith(ctx, m, cfg, ids, forced, scored, needle)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}

// forced is the reply that every budget is made to say, and what of it counts: the
// right one, in the model's own words where those hold it, so that what is
// compared is the answer and not the wording.
func (a *asked) forced(own string) (reply, right string) {
	switch {
	case a.reply != "":
		return a.reply, a.expected
	case a.expected == "":
		return own, own
	case strings.Contains(own, a.expected):
		return own, a.expected
	}
	return a.expected, a.expected
}

// spelling is the tokens of reply and which of them spell right.
func spelling(m *session.Model, reply, right string) (ids []int, counts []bool) {
	from := strings.Index(reply, right)
	to, at := from+len(right), 0
	ids = m.Tokenizer.Encode(reply, false)
	for _, id := range ids {
		n := len(m.Tokenizer.DecodeBytes([]int{id}))
		counts = append(counts, at < to && at+n > from)
		at += n
	}
	return ids, counts
}

// rowsOf is the rows of the cache whose tokens are in a mark.
func rowsOf(d trace.Rows, m recording.Mark) (rows []int) {
	at := 0
	for i, n := range d.Lens {
		if at < m.End && at+n > m.Start {
			rows = append(rows, d.First+i)
		}
		at += n
	}
	return rows
}

// answerWith answers with one budget, then says the right reply token by token.
func (t *tracing) answerWith(ctx context.Context, m *session.Model, cfg selection.Config, ids, forced []int, counts []bool, needle []int) (recording.Budget, error) {
	b := recording.Budget{Policy: string(cfg.Policy), K: cfg.K, NLocal: cfg.NLocal, NInit: cfg.NInit}
	s, err := m.Engine.NewSession(engine.SessionOptions{Context: len(ids) + max(t.tokens, len(forced), timedTokens) + 1, Selection: cfg})
	if err != nil {
		return b, err
	}
	defer s.Close()
	if err := s.Prefill(ctx, ids, nil); err != nil {
		return b, err
	}
	logits, err := s.Logits(ctx)
	if err != nil {
		return b, err
	}
	first := record.Likelihood(logits)(forced[0])
	res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: t.tokens, Stop: m.IsEnd, Ahead: m.Engine.Ahead()})
	if err != nil {
		return b, err
	}
	said := res.IDs
	if res.Reason == engine.Stopped {
		said = said[:len(said)-1]
	}
	b.Answer = m.Tokenizer.Decode(said)
	if err := s.Truncate(len(ids)); err != nil {
		return b, err
	}
	if err := s.Record(&record.Options{Record: trace.Record{Mass: true}}); err != nil {
		return b, err
	}
	logLoss, scored, in, seen := 0.0, 0, 0, 0
	count := func(i int, p float64) {
		if counts[i] {
			logLoss -= math.Log(max(p, math.SmallestNonzeroFloat64))
			scored++
		}
	}
	count(0, first)
	for i, id := range forced {
		step := trace.Step{Layers: make([]trace.Layer, m.Engine.Config().Layers)}
		if err := s.Prefill(ctx, []int{id}, nil); err != nil {
			return b, err
		}
		if err := s.Recorded(ctx, &step); err != nil {
			return b, err
		}
		chosen, err := s.Chosen(ctx)
		if err != nil {
			return b, err
		}
		b.Recall += record.Recalled(step.Layers) / float64(len(forced))
		for _, c := range chosen {
			b.Rows += float64(c.Attended)
			seen++
			if holds(cfg, c, s.Len(), needle) {
				in++
			}
		}
		if i+1 < len(forced) {
			if logits, err = s.Logits(ctx); err != nil {
				return b, err
			}
			count(i+1, record.Likelihood(logits)(forced[i+1]))
		}
	}
	b.Rows, b.Recall, b.P = milli(b.Rows/float64(seen)), milli(b.Recall), milli(1000*math.Exp(-logLoss/float64(max(1, scored))))/1000
	if needle != nil {
		b.In = milli(float64(in) / float64(seen))
	}
	b.MS, err = pace(ctx, m, s, ids)
	return b, err
}

// timedTokens is how many tokens are timed, which is done timedRuns times.
const (
	timedTokens = 16
	timedRuns   = 3
)

// pace is the milliseconds that a token takes behind a prompt that s has read, with
// nothing recorded: the least of several runs, as a machine has other things to do.
func pace(ctx context.Context, m *session.Model, s *engine.Session, ids []int) (float64, error) {
	if err := s.Record(nil); err != nil {
		return 0, err
	}
	last, least := len(ids)-1, math.Inf(1)
	for range timedRuns {
		if err := s.Truncate(last); err != nil {
			return 0, err
		}
		if err := s.Prefill(ctx, ids[last:], nil); err != nil {
			return 0, err
		}
		res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: timedTokens, Ahead: m.Engine.Ahead()})
		if err != nil {
			return 0, err
		}
		least = min(least, res.Decode.Seconds()*1000/(timedTokens-1))
	}
	return milli(least), nil
}

// milli is v in thousandths.
func milli(v float64) float64 { return math.Round(1000*v) / 1000 }

// holds tells whether a layer attended to all of some rows in a decode step over n.
func holds(cfg selection.Config, c selection.Chosen, n int, rows []int) bool {
	if c.Sliding {
		return c.Attended >= n || among(rows, nil, 0, n-c.Attended)
	}
	return c.Attended >= n || among(rows, c.Rows, cfg.NInit, n-1-cfg.Recent())
}

// among tells whether rows are among the first, the selected and those from local on.
func among(rows, selected []int, first, local int) bool {
	return !slices.ContainsFunc(rows, func(r int) bool {
		_, in := slices.BinarySearch(selected, r)
		return !in && r >= first && r < local
	})
}
