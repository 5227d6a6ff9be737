package recording

import (
	"fmt"

	"tokenselect/engine/trace"
)

// checker holds events to what the header says and the ones before them: whoever
// shows them need not doubt a number of theirs.
type checker struct {
	model trace.Info
	units int // UTF-16 code units of the document
	last  string
	steps trace.Decoder
	rows  [][]int // of the last step
	n     int     // rows of the cache, of the last step
}

// after says which events may come before each.
var after = map[string][]string{
	trace.Layout:  {""},
	trace.Prefill: {"", trace.Layout},
	trace.Token:   {"", trace.Layout, trace.Prefill, trace.Token},
	trace.Done:    {"", trace.Layout, trace.Prefill, trace.Token},
}

func (c *checker) event(e *trace.Event) error {
	before, known := after[e.Type]
	if !known {
		return fmt.Errorf("event %q, expected layout, prefill, token or done", e.Type)
	}
	fits := false
	for _, b := range before {
		fits = fits || b == c.last
	}
	if !fits {
		return fmt.Errorf("%s after %s, expected layout, prefill, tokens and done in this order", e.Type, c.last)
	}
	c.last, c.rows = e.Type, nil
	var err error
	switch {
	case e.Type == trace.Layout:
		err = c.layout(e)
	case e.Type == trace.Token && e.Step != nil:
		err = c.step(e.Step)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.Type, err)
	}
	return nil
}

func (c *checker) layout(e *trace.Event) error {
	if d := e.Document; d != nil {
		if d.First < 0 {
			return fmt.Errorf("the document's first row is %d, expected 0 or more", d.First)
		}
		left := c.units
		for i, n := range d.Lens {
			if n < 0 || n > left {
				return fmt.Errorf("token %d of the document is %d UTF-16 code units, %d are left of it", i, n, left)
			}
			left -= n
		}
	}
	last := -1
	for _, r := range e.Rows {
		if r.Row <= last {
			return fmt.Errorf("row %d after row %d, expected rows in ascending order", r.Row, last)
		}
		last = r.Row
	}
	return nil
}

func (c *checker) step(s *trace.Step) error {
	switch {
	case len(s.Layers) != c.model.Layers:
		return fmt.Errorf("step of %d layers, expected %d", len(s.Layers), c.model.Layers)
	case s.N <= c.n:
		return fmt.Errorf("step over %d rows after one over %d, expected more", s.N, c.n)
	case s.NInit < 0 || s.NLocal < 0:
		return fmt.Errorf("n_init %d and n_local %d, expected 0 or more", s.NInit, s.NLocal)
	}
	c.n = s.N
	for i := range s.Layers {
		l := &s.Layers[i]
		rows, err := c.steps.Layer(i, *l)
		if err != nil {
			return err
		}
		c.rows = append(c.rows, rows)
		if err := c.layer(l, rows); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

func (c *checker) layer(l *trace.Layer, rows []int) error {
	if k := len(rows); k > 0 && rows[k-1] >= c.n {
		return fmt.Errorf("row %d is selected, the cache has %d", rows[k-1], c.n)
	}
	heads := c.model.Heads
	for _, f := range []struct {
		name      string
		has, want int
	}{
		{"v", len(l.Votes), len(rows)}, {"hv", len(l.HeadVotes), len(rows) * ((heads + 7) / 8)}, {"cut", len(l.Cut), 2},
		{"mass", len(l.Mass), heads}, {"near", len(l.Near), heads}, {"top", len(l.Top), heads},
	} {
		if f.has != 0 && f.has != f.want {
			return fmt.Errorf("%s has %d values, expected %d", f.name, f.has, f.want)
		}
	}
	for h, m := range l.Mass {
		if len(m) != 4 {
			return fmt.Errorf("mass of head %d has %d values, expected 4", h, len(m))
		}
	}
	weights := 0
	for h, top := range l.Top {
		weights += len(top)
		for _, row := range top {
			if row < 0 || row >= c.n {
				return fmt.Errorf("row %d has weight for head %d, the cache has %d", row, h, c.n)
			}
		}
	}
	if weights != len(l.Weights) {
		return fmt.Errorf("w has %d values, expected %d", len(l.Weights), weights)
	}
	for _, s := range l.Scores {
		if s.Head < 0 || s.Head >= heads {
			return fmt.Errorf("scores of head %d, expected 0 to %d", s.Head, heads-1)
		}
		if len(s.Values) != c.n {
			return fmt.Errorf("scores of head %d have %d values, expected %d", s.Head, len(s.Values), c.n)
		}
		for _, k := range s.Keys {
			if k.Row < 0 || k.Row >= c.n {
				return fmt.Errorf("scores of head %d: key of row %d, the cache has %d", s.Head, k.Row, c.n)
			}
			if len(k.Values) != len(s.Query) {
				return fmt.Errorf("scores of head %d: key of row %d has %d values, expected as many as q, %d", s.Head, k.Row, len(k.Values), len(s.Query))
			}
		}
	}
	return nil
}
