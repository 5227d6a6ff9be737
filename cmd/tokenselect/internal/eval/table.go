package eval

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// grid is a table in Markdown that can be read as it stands.
type grid [][]string

func (g grid) print(out io.Writer) {
	widths := make([]int, len(g[0]))
	for _, row := range g {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, row := range g {
		for j, cell := range row {
			fmt.Fprintf(out, "| %s%s ", cell, strings.Repeat(" ", widths[j]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintln(out, "|")
		if i == 0 {
			for _, w := range widths {
				fmt.Fprint(out, "|"+strings.Repeat("-", w+2))
			}
			fmt.Fprintln(out, "|")
		}
	}
	fmt.Fprintln(out)
}

// Markdown writes the tables of a report.
func (s Summary) Markdown(out io.Writer) {
	set := s.Settings
	fmt.Fprintf(out, "%s, weights %s, trained on %s tokens; %d of %d results, up to %d cases a cell, seed %d; on %s.\n\n",
		set.Model, set.Weights, Tokens(set.Trained), s.Done, s.Total, set.Cases, set.Seed, strings.Join(s.Devices, ", "))
	switch set.Measure {
	case "recall":
		s.recalled(out)
	case "perplexity":
		s.read(out)
	case "cache":
		s.reused(out)
		s.wentOn(out)
		s.answered(out)
	default:
		s.answered(out)
	}
}

// answered writes what was found.
func (s Summary) answered(out io.Writer) {
	set, tasks := s.Settings, s.Settings.Asked()
	if len(tasks) > 1 {
		fmt.Fprintf(out, "Score in %% [95 %% interval], mean of %d tasks, by tokens of the prompt:\n\n", len(tasks))
		s.byLength(percent).print(out)
	}
	for _, l := range set.Lengths {
		fmt.Fprintf(out, "Score in %% [95 %% interval] at %s tokens:\n\n", Tokens(l))
		g := grid{append([]string{"policy"}, tasks...)}
		for _, p := range set.PolicyNames() {
			row := []string{p}
			for _, t := range tasks {
				row = append(row, percent(s.find(p, t, l)))
			}
			g = append(g, row)
		}
		g.print(out)
	}
	if set.Forced {
		fmt.Fprint(out, "Tokens of the right reply that are the most likely ones after those before them, in %:\n\n")
		s.byLength(func(c *Cell) string { return fmt.Sprintf("%.1f", 100*c.Token) }).print(out)
	}
	s.compared(out, "points", 100)
	fmt.Fprint(out, "Tokens a second of one session, prefill / decode, medians:\n\n")
	s.byLength(speed).print(out)
	fmt.Fprint(out, "Intervals are Wilson's for a task whose scores are all 0 or 1 and where all cases agree; others are bootstrapped case by case, within each task for means of tasks.\n")
}

func speed(c *Cell) string { return fmt.Sprintf("%.0f / %.0f", c.PrefillTokS, c.DecodeTokS) }

// byLength is a table of a row a policy, a column a length, of all tasks.
func (s Summary) byLength(show func(*Cell) string) grid {
	g := grid{{"policy"}}
	for _, l := range s.Settings.Lengths {
		g[0] = append(g[0], Tokens(l))
	}
	for _, p := range s.Settings.PolicyNames() {
		row := []string{p}
		for _, l := range s.Settings.Lengths {
			cell := ""
			if c := s.find(p, s.Settings.overall(), l); c != nil {
				cell = show(c)
			}
			row = append(row, cell)
		}
		g = append(g, row)
	}
	return g
}

// compared writes what the first policy is ahead of and behind, in units of which a
// score of 1 has scale.
func (s Summary) compared(out io.Writer, unit string, scale float64) {
	names, set := s.Settings.PolicyNames(), s.Settings
	if len(names) < 2 {
		return
	}
	fmt.Fprintf(out, "%s against each other policy on the same cases: difference in %s [95 %% interval], p of the paired test; claimed only at p < 0.05, without correction for the number of comparisons.\n\n", names[0], unit)
	g := grid{{"against", "tokens", "pairs", "better", "worse", "difference", "p", names[0] + " is"}}
	task, digits := set.overall(), 1
	if scale == 1 {
		digits = 4
	}
	for _, c := range s.Comparisons {
		if c.Task != task || c.N == 0 || c.Length == 0 && len(set.Lengths) == 1 {
			continue
		}
		length := "all"
		if c.Length > 0 {
			length = Tokens(c.Length)
		}
		g = append(g, []string{c.Other, length, fmt.Sprint(c.N), fmt.Sprint(c.Better), fmt.Sprint(c.Worse),
			fmt.Sprintf("%+.*f [%+.*f, %+.*f]", digits, scale*c.Diff, digits, scale*c.Lo, digits, scale*c.Hi), fmt.Sprintf("%.4f", c.P), c.Verdict()})
	}
	g.print(out)
	if task != "" {
		return
	}
	fmt.Fprintf(out, "Task by task, all lengths together (points, p):\n\n")
	g = grid{append([]string{"against"}, set.Asked()...)}
	for _, other := range names[1:] {
		row := []string{other}
		for _, t := range set.Asked() {
			for _, c := range s.Comparisons {
				if c.Other == other && c.Task == t && c.Length == 0 {
					row = append(row, difference(c))
				}
			}
		}
		g = append(g, row)
	}
	g.print(out)
	fmt.Fprint(out, "Bold differences are claimed. Tests: McNemar's exact test where all scores of a task are 0 or 1, a paired permutation test otherwise, stratified by task for the mean of tasks (10,000 draws).\n\n")
}

func difference(c Comparison) string {
	if c.N == 0 {
		return ""
	}
	text := fmt.Sprintf("%+.0f (%.3f)", 100*c.Diff, c.P)
	if c.P < 0.05 {
		return "**" + text + "**"
	}
	return text
}
