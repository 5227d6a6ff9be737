package eval

import (
	"fmt"

	"tokenselect/cmd/tokenselect/internal/eval/mass"
	"tokenselect/cmd/tokenselect/internal/eval/stat"
)

// Cell is the results of a policy for a task at a length.
type Cell struct {
	Policy string  `json:"policy"`
	Task   string  `json:"task"` // "": the mean of the tasks, each counting alike
	Length int     `json:"length"`
	N      int     `json:"n"`
	Mean   float64 `json:"mean"` // of the scores
	Lo     float64 `json:"lo"`   // 95 % interval
	Hi     float64 `json:"hi"`
	Exact  float64 `json:"exact"`                    // share of replies that are right word for word
	Token  float64 `json:"token_accuracy,omitempty"` // share of the right reply's tokens

	PrefillTokS float64 `json:"prefill_tok_s"` // medians: a device's first cases have its pipelines made
	DecodeTokS  float64 `json:"decode_tok_s,omitempty"`
	HitRate     float64 `json:"hit_rate,omitempty"` // of the Selection Cache

	Attended int         `json:"attended,omitempty"` // rows in a step at most, of a text
	Bytes    int64       `json:"bytes,omitempty"`    // of the cache behind it
	Free     *Free       `json:"free,omitempty"`     // of all cases: sums, the most, the least distinct
	Mass     *mass.Found `json:"mass,omitempty"`     // averaged over cases and tasks
}

// Comparison is the paired test of the first policy against another.
type Comparison struct {
	Reference string  `json:"reference"`
	Other     string  `json:"other"`
	Task      string  `json:"task"`   // "": the mean of the tasks
	Length    int     `json:"length"` // 0: of all lengths together
	N         int     `json:"n"`      // pairs
	Better    int     `json:"better"` // pairs in which the reference scores more
	Worse     int     `json:"worse"`
	Diff      float64 `json:"diff"` // of the means: reference less other
	Lo        float64 `json:"lo"`   // 95 % interval, by bootstrap
	Hi        float64 `json:"hi"`
	P         float64 `json:"p"`
	Test      string  `json:"test"`
}

// Verdict is what a comparison supports: a difference is claimed at p < 0.05 only.
func (c Comparison) Verdict() string {
	switch {
	case c.N == 0:
		return "no pairs"
	case c.P >= 0.05:
		return "no difference shown"
	case c.Diff > 0:
		return "ahead"
	}
	return "behind"
}

// Summary is a report worked out.
type Summary struct {
	Settings    Settings     `json:"settings"`
	Done        int          `json:"done"` // results
	Total       int          `json:"total"`
	Devices     []string     `json:"devices"`
	Cells       []Cell       `json:"cells"`
	Comparisons []Comparison `json:"comparisons"`
}

// Summarise works a report out.
func (r Report) Summarise() Summary {
	s := Summary{Settings: r.Settings, Done: len(r.Records)}
	s.Total = len(r.Settings.Policies) * len(r.Settings.Tasks) * len(r.Settings.Lengths) * r.Settings.Cases
	seen := map[string]bool{}
	by := map[key][]Record{} // all cases of a cell: n is 0
	for _, rec := range r.Records {
		if !seen[rec.Adapter] {
			seen[rec.Adapter] = true
			s.Devices = append(s.Devices, rec.Adapter)
		}
		k := rec.key()
		k.n = 0
		by[k] = append(by[k], rec)
	}
	for _, p := range r.Settings.PolicyNames() {
		for _, length := range r.Settings.Lengths {
			var groups [][]Record
			for _, task := range r.Settings.Tasks {
				g := by[key{p, task, length, 0}]
				if len(g) == 0 {
					continue
				}
				s.Cells = append(s.Cells, cell(p, task, length, [][]Record{g}))
				if task != TextTask {
					groups = append(groups, g)
				}
			}
			// A mean of tasks of which some are missing is no mean of the tasks.
			if len(groups) > 1 && len(groups) == len(r.Settings.Asked()) {
				s.Cells = append(s.Cells, cell(p, "", length, groups))
			}
		}
	}
	names := r.Settings.PolicyNames()
	for i := 1; i < len(names); i++ {
		for _, length := range append([]int{0}, r.Settings.Lengths...) {
			lengths := []int{length}
			if length == 0 {
				lengths = r.Settings.Lengths
			}
			var all [][2][]Record
			for _, task := range r.Settings.Tasks {
				var pair [2][]Record
				for _, l := range lengths {
					pair[0] = append(pair[0], by[key{names[0], task, l, 0}]...)
					pair[1] = append(pair[1], by[key{names[i], task, l, 0}]...)
				}
				if task != TextTask {
					all = append(all, pair)
				}
				s.Comparisons = append(s.Comparisons, compare(names[0], names[i], task, length, [][2][]Record{pair}))
			}
			s.Comparisons = append(s.Comparisons, compare(names[0], names[i], "", length, all))
		}
	}
	return s
}

// cell is the results of groups, a task each.
func cell(policy, task string, length int, groups [][]Record) Cell {
	c := Cell{Policy: policy, Task: task, Length: length}
	var scores stat.Strata
	var exact, token stat.Strata
	var prefill, decode []float64 // tokens a second
	var found []mass.Found
	hits, calls, binary := 0, 0, true
	for _, g := range groups {
		var s, e, t []float64
		for _, r := range g {
			s = append(s, r.Score)
			binary = binary && (r.Score == 0 || r.Score == 1)
			e = append(e, map[bool]float64{true: 1}[r.Exact])
			if r.Forced > 0 {
				t = append(t, float64(r.Right)/float64(r.Forced))
			}
			if r.Prefill > 0 {
				prefill = append(prefill, float64(r.Tokens)/r.Prefill)
			}
			if r.Decode > 0 {
				decode = append(decode, float64(r.Decoded)/r.Decode)
			}
			hits, calls = hits+r.Hits, calls+r.Hits+r.Misses
			c.Attended, c.Bytes = max(c.Attended, r.Attended), max(c.Bytes, r.Bytes)
			if r.Free != nil {
				c.Free = r.Free.and(c.Free)
			}
			if r.Mass != nil {
				found = append(found, *r.Mass)
			}
		}
		scores, exact, token = append(scores, s), append(exact, e), append(token, t)
		c.N += len(g)
	}
	c.Mean, c.Exact, c.Token = scores.Mean(), exact.Mean(), token.Mean()
	if len(groups) > 1 || !binary {
		c.Lo, c.Hi = scores.Bootstrap()
		if task != TextTask { // a share of answers
			c.Lo, c.Hi = max(0, c.Lo), min(1, c.Hi)
		}
	}
	if c.Lo == c.Hi && task != TextTask { // one task, or cases that all agree
		c.Lo, c.Hi = stat.Wilson(c.Mean, c.N)
	}
	c.PrefillTokS, c.DecodeTokS = stat.Median(prefill), stat.Median(decode)
	if calls > 0 {
		c.HitRate = float64(hits) / float64(calls)
	}
	if len(found) > 0 {
		m := mass.Average(found)
		c.Mass = &m
	}
	return c
}

// compare tests the pairs of two policies, in groups of a task each.
func compare(reference, other, task string, length int, groups [][2][]Record) Comparison {
	c := Comparison{Reference: reference, Other: other, Task: task, Length: length}
	var diffs stat.Strata
	binary := true
	type at struct{ length, n int }
	for _, pair := range groups {
		theirs := map[at]float64{}
		for _, r := range pair[1] {
			theirs[at{r.Length, r.Case}] = r.Score
		}
		var g []float64
		for _, r := range pair[0] {
			score, ok := theirs[at{r.Length, r.Case}]
			if !ok {
				continue
			}
			d := r.Score - score
			g = append(g, d)
			binary = binary && (r.Score == 0 || r.Score == 1) && (score == 0 || score == 1)
			switch {
			case d > 0:
				c.Better++
			case d < 0:
				c.Worse++
			}
		}
		diffs = append(diffs, g)
		c.N += len(g)
	}
	c.Diff = diffs.Mean()
	c.Lo, c.Hi = diffs.Bootstrap()
	if len(groups) == 1 && binary && c.N > 0 {
		c.Test, c.P = "McNemar, exact", stat.McNemar(c.Better, c.Worse)
	} else {
		c.Test, c.P = "paired permutation", diffs.Permutation()
		if len(groups) > 1 {
			c.Test = "paired permutation, stratified by task"
		}
	}
	return c
}

// find is the cell of a policy, or nil.
func (s Summary) find(policy, task string, length int) *Cell {
	for i, c := range s.Cells {
		if c.Policy == policy && c.Task == task && c.Length == length {
			return &s.Cells[i]
		}
	}
	return nil
}

// percent is a share in per cent with its interval.
func percent(c *Cell) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf("%.0f [%.0f, %.0f]", 100*c.Mean, 100*c.Lo, 100*c.Hi)
}
