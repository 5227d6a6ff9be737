package eval

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"tokenselect/cmd/tokenselect/internal/eval/stat"
)

// recalled writes what was found of attention mass.
func (s Summary) recalled(out io.Writer) {
	set := s.Settings
	fmt.Fprintf(out, "Attention mass in decode steps, up to %d a case, mean of tasks, layers and heads. True: dense attention at the keys' true distances. Near: distances cut to n_local, at which candidates are scored. Overlap: Jaccard index of the selection with the k rows of most mass (near). Cosine: of a query and the one before it, mean of layers [lowest, highest].\n\n", set.Tokens)
	for _, l := range set.Lengths {
		g := grid{{"policy at " + Tokens(l), "recall true, % [95 %]", "recall near, %", "lowest head, %", "overlap", "cosine"}}
		for _, p := range set.PolicyNames() {
			c := s.find(p, set.overall(), l)
			if c == nil || c.Mass == nil {
				continue
			}
			lowest := 1.0
			for _, heads := range c.Mass.Recall {
				lowest = min(lowest, slices.Min(heads))
			}
			overlap := ""
			if c.Mass.Overlap != nil {
				overlap = fmt.Sprintf("%.2f", stat.Mean(c.Mass.Overlap))
			}
			g = append(g, []string{p, fmt.Sprintf("%.1f [%.1f, %.1f]", 100*c.Mean, 100*c.Lo, 100*c.Hi), fmt.Sprintf("%.1f", 100*c.Mass.MeanNear()),
				fmt.Sprintf("%.1f", 100*lowest), overlap,
				fmt.Sprintf("%.2f [%.2f, %.2f]", stat.Mean(c.Mass.Cosine), slices.Min(c.Mass.Cosine), slices.Max(c.Mass.Cosine))})
		}
		g.print(out)
	}
	s.blocks(out)
	s.heads(out)
	s.compared(out, "points", 100)
}

// blocks writes what single tokens and blocks of them hold at the budget of the
// first policy.
func (s Summary) blocks(out io.Writer) {
	var g grid
	for _, l := range s.Settings.Lengths {
		c := s.find(s.Settings.PolicyNames()[0], s.Settings.overall(), l)
		if c == nil || c.Mass == nil || len(c.Mass.Blocks) == 0 {
			continue
		}
		sizes := slices.Sorted(maps.Keys(c.Mass.Blocks))
		if g == nil {
			g = grid{{"tokens of a block"}}
			for _, size := range sizes {
				g[0] = append(g[0], fmt.Sprint(size))
			}
		}
		row := []string{"at " + Tokens(l)}
		for _, size := range sizes {
			row = append(row, fmt.Sprintf("%.1f", 100*c.Mass.Blocks[size]))
		}
		g = append(g, row)
	}
	if g != nil {
		fmt.Fprintf(out, "Share of the candidates' mass (near) that the best blocks hold, in %%, at k rows of %s in all, whatever the size of a block:\n\n", s.Settings.PolicyNames()[0])
		g.print(out)
	}
}

// heads writes the recall of each layer and head of the first policy at the longest
// length.
func (s Summary) heads(out io.Writer) {
	name, l := s.Settings.PolicyNames()[0], s.Settings.Lengths[len(s.Settings.Lengths)-1]
	c := s.find(name, s.Settings.overall(), l)
	if c == nil || c.Mass == nil {
		return
	}
	fmt.Fprintf(out, "Recall (true) of %s at %s by layer and head, in %%:\n\n", name, Tokens(l))
	g := grid{{"layer"}}
	for h := range c.Mass.Recall[0] {
		g[0] = append(g[0], fmt.Sprint("head ", h))
	}
	for i, heads := range c.Mass.Recall {
		row := []string{fmt.Sprint(i)}
		for _, v := range heads {
			row = append(row, fmt.Sprintf("%.0f", 100*v))
		}
		g = append(g, row)
	}
	g.print(out)
}

// perplexity is that of a cell of texts, with its interval.
func perplexity(c *Cell) string {
	return fmt.Sprintf("%.3f [%.3f, %.3f]", math.Exp(-c.Mean), math.Exp(-c.Hi), math.Exp(-c.Lo))
}

// read writes perplexities.
func (s Summary) read(out io.Writer) {
	fmt.Fprintf(out, "Perplexity [95 %% interval] of the last %d tokens of a text of so many, read one by one behind the others (%s):\n\n", s.Settings.Tokens, s.Settings.Text)
	s.byLength(perplexity).print(out)
	s.compared(out, "nats a token less", 1)
	fmt.Fprint(out, "Tokens a second, prefill / decode, medians:\n\n")
	s.byLength(speed).print(out)
	fmt.Fprint(out, "Selections reused in decode, in % / rows attended to at most / MiB of the cache at the end:\n\n")
	s.byLength(func(c *Cell) string {
		return fmt.Sprintf("%.0f / %d / %.1f", 100*c.HitRate, c.Attended, float64(c.Bytes)/(1<<20))
	}).print(out)
}

// reused writes what the Selection Cache does, a row a theta.
func (s Summary) reused(out io.Writer) {
	set := s.Settings
	fmt.Fprintf(out, "Selection Cache: selections reused while %d tokens of a text are read one by one behind the others (%s), how long one takes, and their perplexity; the rows that a step attends to at most; answers found. Perplexities are related to the last row's.\n\n", set.Tokens, set.Text)
	names := set.PolicyNames()
	for _, l := range set.Lengths {
		g := grid{{"policy at " + Tokens(l), "reused, %", "ms a token", "perplexity [95 %]", "to the last", "attended", "cache, MiB", "reused in answers, %", "score, % [95 %]"}}
		last := s.find(names[len(names)-1], TextTask, l)
		for _, p := range names {
			row := []string{p, "", "", "", "", "", "", "", ""}
			if c := s.find(p, TextTask, l); c != nil {
				row[1], row[3] = fmt.Sprintf("%.0f", 100*c.HitRate), perplexity(c)
				row[5], row[6] = fmt.Sprint(c.Attended), fmt.Sprintf("%.1f", float64(c.Bytes)/(1<<20))
				if c.DecodeTokS > 0 {
					row[2] = fmt.Sprintf("%.2f", 1000/c.DecodeTokS)
				}
				if last != nil {
					row[4] = fmt.Sprintf("%+.2f %%", 100*(math.Exp(last.Mean-c.Mean)-1))
				}
			}
			if c := s.find(p, set.overall(), l); c != nil && set.overall() != TextTask {
				row[7], row[8] = fmt.Sprintf("%.0f", 100*c.HitRate), percent(c)
			}
			g = append(g, row)
		}
		g.print(out)
	}
}

// and is f put together with others.
func (f Free) and(others *Free) *Free {
	if others == nil {
		return &f
	}
	return &Free{
		Tokens: f.Tokens + others.Tokens, Decode: f.Decode + others.Decode, Decoded: f.Decoded + others.Decoded, Hits: f.Hits + others.Hits, Misses: f.Misses + others.Misses,
		Attended: max(f.Attended, others.Attended), Distinct: min(f.Distinct, others.Distinct),
		Before: max(f.Before, others.Before), Bytes: max(f.Bytes, others.Bytes),
	}
}

// wentOn writes what the Selection Cache does while the model goes on by itself.
func (s Summary) wentOn(out io.Writer) {
	set := s.Settings
	var rows grid
	for _, l := range set.Lengths {
		for _, p := range set.PolicyNames() {
			c := s.find(p, TextTask, l)
			if c == nil || c.Free == nil {
				continue
			}
			f := c.Free
			rows = append(rows, []string{p + " at " + Tokens(l), fmt.Sprintf("%.0f", 100*float64(f.Hits)/float64(max(1, f.Hits+f.Misses))),
				fmt.Sprintf("%.2f", 1000*f.Decode/float64(max(1, f.Decoded))), fmt.Sprint(f.Attended), fmt.Sprintf("%.0f", 100*f.Distinct),
				fmt.Sprintf("%.1f, %.1f", float64(f.Before)/(1<<20), float64(f.Bytes)/(1<<20))})
		}
	}
	if rows == nil {
		return
	}
	fmt.Fprintf(out, "The model going on with that text by itself for %d tokens a case, none of them an end: selections reused, time, rows that a step attends to at most, different ones of its runs of four tokens (of the case with the fewest), and the cache at its start and its end.\n\n", set.Tokens)
	append(grid{{"policy", "reused, %", "ms a token", "attended", "distinct, %", "cache, MiB"}}, rows...).print(out)
}
