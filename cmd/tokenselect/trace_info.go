//go:build !js

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"tokenselect/engine/trace"
	"tokenselect/engine/trace/recording"
)

// describe prints what is in a recording, all of which it reads.
func (t *tracing) describe(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := recording.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	h := &r.Header
	var answer string
	var p []float64
	steps, rows, hits, layers := 0, 0, 0, 0
	found := make([]int, len(h.Marks)) // layers and steps in which a mark was attended to whole
	var marks [][]int
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		switch e.Type {
		case trace.Layout:
			for _, m := range h.Marks {
				if e.Document != nil {
					marks = append(marks, rowsOf(*e.Document, m))
				}
			}
		case trace.Done:
			answer = e.Text
		}
		if e.P > 0 {
			p = append(p, e.P)
		}
		if e.Step == nil {
			continue
		}
		steps, rows = steps+1, e.Step.N
		for i, l := range e.Step.Layers {
			layers++
			if l.Hit {
				hits++
			}
			for j, needle := range marks {
				selected := r.Rows()[i]
				if first, local := e.Step.Between(i, len(selected)); selected == nil || among(needle, selected, first, local) {
					found[j]++
				}
			}
		}
	}
	w := tabwriter.NewWriter(t.std.out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	line("recorded", "%s, format %d, on %s (%s)", h.Created, h.V, h.Model.Adapter, h.Model.Device)
	line("model", "%s: %d layers of %d heads, trained on %d tokens", h.Model.Model, h.Model.Layers, h.Model.Heads, h.Model.Context)
	s := h.Selection
	line("selection", "%s: n_init %s, k %s, n_local %s, theta %s", s.Policy, said(s.NInit), said(s.K), said(s.NLocal), said(s.Theta))
	line("document", "%s, %d characters; %d rows at the end", h.Document.Name, units(h.Document.Text), rows)
	line("question", "%s", h.Question)
	line("answer", "%s", answer)
	if h.Expected != "" {
		line("expected", "%s", h.Expected)
	}
	line("steps", "%d, with %s", steps, contents(h.Record))
	if hits > 0 {
		line("reused", "%d of %d selections", hits, layers)
	}
	for _, m := range describeMarks(h.Marks, found, layers) {
		line("mark", "%s", m)
	}
	if err := w.Flush(); err != nil || len(h.Sweep) == 0 {
		return err
	}
	fmt.Fprintln(w, "\npolicy\tk\trows\tp\trecall\tms\tmark in\tanswer")
	for _, b := range h.Sweep {
		fmt.Fprintf(w, "%s\t%d\t%.0f\t%.3f\t%.3f\t%.2f\t%.2f\t%s\n", b.Policy, b.K, b.Rows, b.P, b.Recall, b.MS, b.In, short(strings.Join(strings.Fields(b.Answer), " ")))
	}
	return w.Flush()
}

// mostMarks is how many marks are told of; a task may have thousands.
const mostMarks = 20

// describeMarks tells in how many of so many layers and steps marks were found, those
// with the same text together.
func describeMarks(marks []recording.Mark, found []int, layers int) (lines []string) {
	type group struct{ times, attended, most int }
	groups := map[string]*group{}
	var labels []string
	for i, m := range marks {
		g := groups[m.Label]
		if g == nil {
			g = &group{}
			groups[m.Label], labels = g, append(labels, m.Label)
		}
		g.times, g.most = g.times+1, max(g.most, found[i])
		if found[i] > 0 {
			g.attended++
		}
	}
	var rest group
	for i, label := range labels {
		g := groups[label]
		switch {
		case i >= mostMarks:
			rest.times, rest.attended = rest.times+g.times, rest.attended+g.attended
		case g.times == 1:
			lines = append(lines, fmt.Sprintf("%q: attended to whole by %d of %d layers and steps", label, g.most, layers))
		default:
			lines = append(lines, fmt.Sprintf("%q, %d times: %d of them attended to whole, by at most %d of %d layers and steps", label, g.times, g.attended, g.most, layers))
		}
	}
	if n := len(labels) - mostMarks; n > 0 {
		lines = append(lines, fmt.Sprintf("%d other texts, %d times: %d of them attended to whole", n, rest.times, rest.attended))
	}
	return lines
}

// said is a budget of a header, which may be absent in one that somebody else wrote.
func said[T any](v *T) string {
	if v == nil {
		return "?"
	}
	return fmt.Sprint(*v)
}

// contents is what a recording has of each step, in words.
func contents(r *trace.Record) string {
	all := []string{"the selected rows"}
	if r != nil {
		for _, f := range []struct {
			has  bool
			name string
		}{{r.Votes, "votes"}, {r.Mass, "attention mass"}, {r.Heads > 0, fmt.Sprintf("%d rows of each head", r.Heads)},
			{len(r.Scores) > 0, fmt.Sprintf("scores of %d heads", len(r.Scores))}, {r.Timings, "timings"}} {
			if f.has {
				all = append(all, f.name)
			}
		}
	}
	return strings.Join(all, ", ")
}
