// Package selection decides which rows of the cache a step attends to: the
// policies of TokenSelect (arXiv 2411.02886) and what it is compared with, and
// the Selection Cache.
package selection

import (
	"fmt"
	"strings"

	"tokenselect/engine/kernels"
)

// Policy names a way of choosing rows.
type Policy string

// The policies.
const (
	// Dense attends to every row, at its true position.
	Dense Policy = "dense"
	// Window attends to the first nInit rows and the most recent nLocal+k
	// (StreamingLLM, arXiv 2309.17453): the budget of TokenSelect, all of it
	// spent on recent text.
	Window Policy = "window"
	// TokenSelect attends to the first nInit rows, the k that the heads vote
	// for, and the most recent nLocal.
	TokenSelect Policy = "tokenselect"

	// The rest selects as many, for all heads at once as TokenSelect does, and is there
	// to be compared with it. The engine for browsers has none of them.

	// TopK selects by the sum of the heads' scores (paper, eq. 5).
	TopK Policy = "topk"
	// HeadVote selects by the number of heads that have a row among their own k (paper,
	// eq. 6).
	HeadVote Policy = "headvote"
	// Paper selects as the paper's released code does, with its defects.
	Paper Policy = "paper"
	// Oracle selects what the step's own queries attend to most.
	Oracle Policy = "oracle"
)

// ReadsAll tells whether a policy attends to every token of a prompt as it reads it.
func (p Policy) ReadsAll() bool {
	return p == Dense || p == SnapKV || p == NTK || p == SelfExtend
}

// Config is a policy and its budgets, in tokens.
type Config struct {
	Policy Policy
	NInit  int // first tokens, always attended to (attention sinks)
	NLocal int // most recent tokens before the step's own, always attended to
	K      int // tokens selected from the rest
	Chunk  int // queries of a prefill step
	// Last tokens of a prompt that are read as a step of their own, so that the
	// question, which stands there, selects for itself and not together with the text
	// before it; 0: as they come. At most a chunk is. Policies that read all do without.
	Tail  int
	Theta float64 // cosine from which the Selection Cache reuses a selection; 0: never
	// The odd number of neighbours, itself included, the largest vote of which is a
	// candidate's with TokenSelect, so that what stands beside a token that is asked for
	// comes along (the paper's released code has such a window for each task); 0 and 1:
	// its own.
	Pool int
	// How the copy of the keys is stored from which candidates are scored;
	// IndexNone: they are scored from the keys themselves. A sequence keeps what it
	// was made with.
	Index kernels.IndexType

	Rivals Rivals // what only policies that TokenSelect is compared with ask for
}

// Default is TokenSelect with budgets for a model that was trained on context
// tokens: in all no more than those, in the proportions 16, 512, 256, 256 of
// needle-16m, which was trained on 2048.
func Default(context int) Config {
	c := Config{Policy: TokenSelect, NInit: 16, K: 512, NLocal: 256, Chunk: 256, Tail: 64, Pool: 5, Rivals: defaultRivals(context)}
	for c.Budget() > context && c.K > 1 {
		c.NInit, c.K, c.NLocal, c.Chunk = max(1, c.NInit/2), c.K/2, max(1, c.NLocal/2), max(1, c.Chunk/2)
	}
	return c
}

// Recent is the tokens before a step's own that are always attended to: the local
// window, which Window gives the selection's share of the budget too.
func (c Config) Recent() int {
	if c.Policy == Window {
		return c.NLocal + c.K
	}
	return c.NLocal
}

// Steps cuts a prompt of so many tokens into steps: chunks, and a tail. They are
// the ends of the steps, of which the last is n.
func (c Config) Steps(n int) (ends []int) {
	tail := 0
	if !c.Policy.ReadsAll() {
		tail = min(c.Tail, c.Chunk, n)
	}
	for at := 0; at < n-tail; {
		at = min(at+c.Chunk, n-tail)
		ends = append(ends, at)
	}
	if tail > 0 {
		ends = append(ends, n)
	}
	return ends
}

// Budget is the largest number of rows that a prefill step attends to once it
// selects, its own included: n_init + k + n_local + chunk.
func (c Config) Budget() int { return c.NInit + c.K + c.NLocal + c.Chunk }

// slide is the number of rows that may leave the local window before the
// Selection Cache is refreshed.
func (c Config) slide() int { return c.NLocal / 2 }

// selects tells whether the policy is one that selects k rows for all heads.
func (c Config) selects() bool {
	return c.Policy == TokenSelect || full && (c.Policy == TopK || c.Policy == HeadVote || c.Policy == Paper || c.Policy == Oracle)
}

// caches tells whether a decode step may reuse a selection.
func (c Config) caches() bool {
	return c.Theta > 0 && !(full && (c.Policy == Paper || c.Policy == Oracle))
}

// local is the rows right before those of a step of so many queries that it attends
// to.
func (c Config) local(queries int) int {
	if full && c.Policy == Paper {
		return c.NLocal - queries
	}
	return c.NLocal
}

// Positions is the number of positions that attention over a cache of rows rows
// can ask of the rotary table.
func (c Config) Positions(rows int) int { return max(c.furthest(rows), kernels.LeastPositions) }

// furthest is that but for the least that kernels ask for.
func (c Config) furthest(rows int) int {
	switch {
	case c.Policy == Window:
		return min(rows, c.Budget())
	case c.selects(): // the list on a hit or before anything is selected, and a probe at distance n_local
		return min(rows, c.Budget()+c.slide()) + c.Chunk
	}
	if positions, ok := c.rivalPositions(rows); ok {
		return positions
	}
	return rows
}

// SetIndex sets Index by its name: exact, int8 or int4.
func (c *Config) SetIndex(name string) error {
	t, err := kernels.ParseIndexType(name)
	if err == nil {
		c.Index = t
	}
	return err
}

// IndexName is the name of Index, or "" where scores are exact, as they are
// unless it is said.
func (c Config) IndexName() string {
	if c.Index == kernels.IndexNone {
		return ""
	}
	return c.Index.String()
}

// maxTokens bounds budgets, so that sums of them stay far from overflow.
const maxTokens = 1 << 28

// Validate says what is wrong with c, naming the field.
func (c Config) Validate() error {
	known := false
	var names []string
	for _, p := range Policies() {
		known = known || c.Policy == p
		names = append(names, string(p))
	}
	if !known {
		return fmt.Errorf("selection: policy %q, expected %s", c.Policy, strings.Join(names, ", "))
	}
	for _, f := range []struct {
		name       string
		value, min int
	}{{"n_init", c.NInit, 0}, {"n_local", c.NLocal, 0}, {"k", c.K, 0}, {"chunk", c.Chunk, 1}, {"tail", c.Tail, 0}} {
		if f.value < f.min || f.value > maxTokens {
			return fmt.Errorf("selection: %s is %d, expected %d to %d", f.name, f.value, f.min, maxTokens)
		}
	}
	if c.K == 0 && c.selects() {
		return fmt.Errorf("selection: k is 0, expected at least 1 with policy %s (policy window selects nothing)", c.Policy)
	}
	if full && c.Policy == Paper && c.Chunk > c.NLocal {
		return fmt.Errorf("selection: chunk is %d, expected at most n_local, %d, with policy paper, which counts the chunk among the local tokens", c.Chunk, c.NLocal)
	}
	if c.Pool < 0 || c.Pool > 2*kernels.MaxHalf+1 || c.Pool > 0 && c.Pool%2 == 0 {
		return fmt.Errorf("selection: pool is %d, expected 0 (no neighbours) or an odd number up to %d", c.Pool, 2*kernels.MaxHalf+1)
	}
	if err := c.Rivals.validate(c); err != nil {
		return err
	}
	if c.Index < kernels.IndexNone || c.Index > kernels.IndexI4 {
		return fmt.Errorf("selection: key index of %v, expected exact, int8 or int4", c.Index)
	}
	if !(c.Theta >= 0) || c.Theta > 1 {
		return fmt.Errorf("selection: theta is %v, expected 0 (no Selection Cache) to 1", c.Theta)
	}
	return nil
}

// Warning is a sentence for a user whose budgets let the model attend to more
// tokens than the context it was trained for, or "".
func (c Config) Warning(context int) string {
	if c.Policy.ReadsAll() || c.Budget() <= context {
		return ""
	}
	return fmt.Sprintf("n_init + k + n_local + chunk = %d + %d + %d + %d = %d tokens are attended to at once, more than the %d that the model was trained for: answers may suffer",
		c.NInit, c.K, c.NLocal, c.Chunk, c.Budget(), context)
}
