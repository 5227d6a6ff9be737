package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"

	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// addText adds a flag whose text may not be empty: an empty one is as a rule a
// variable that is not set, and not a wish for the default.
func addText(fs *flag.FlagSet, text *string, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		if s == "" {
			return errors.New("it is empty")
		}
		*text = s
		return nil
	})
}

// addCache adds the flag of how keys and values are stored.
func addCache(fs *flag.FlagSet, name *string) {
	fs.Func("kv", `how keys and values are stored: "f16" or "f32"; default: f32 on the CPU, f16 on a GPU`, func(s string) error {
		*name = s
		_, err := kernels.ParseCacheType(s)
		return err
	})
}

// policyNames are all policies, in words.
func policyNames() string {
	var names []string
	for _, p := range selection.Policies() {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// selectionFlags are the flags of policy and budgets. A budget of -1 stands for
// the model's own.
type selectionFlags struct {
	policy                  string
	nInit, nLocal, k, chunk int
	tail                    int
	theta                   float64
	pool                    int
	index                   string
	rivals                  selection.Rivals
	fs                      *flag.FlagSet
}

func addSelectionFlags(fs *flag.FlagSet, withPolicy bool) *selectionFlags {
	d := selection.Default(2048)
	s := &selectionFlags{fs: fs, policy: string(d.Policy)}
	if withPolicy {
		fs.StringVar(&s.policy, "policy", s.policy, `which past tokens are attended to: "tokenselect" (the few that the heads vote for, and the recent ones), "dense" (all) or "window" (the first and the most recent; as many as tokenselect takes); to compare with, each as many as tokenselect: "topk" (largest sum of the heads' scores), "headvote" (most heads that have them among their own k), "paper" (as the paper's released code selects), "oracle" (most attention of the step's own queries; slow), "quest" (for each head, pages by bounds of their keys), "infllm" (blocks by their representatives), "snapkv" (what a prompt's last queries attend to); and all at changed positions: "ntk" (RoPE's base scaled) and "selfextend" (far ones in groups)`)
		fs.IntVar(&s.rivals.Page, "quest-page", d.Rivals.Page, "quest: `tokens` of a page")
		fs.IntVar(&s.rivals.Block, "infllm-block", d.Rivals.Block, "infllm: `tokens` of a block")
		fs.IntVar(&s.rivals.Representatives, "infllm-representatives", d.Rivals.Representatives, "infllm: `tokens` that stand for a block, for each head")
		fs.IntVar(&s.rivals.Window, "snapkv-window", d.Rivals.Window, "snapkv: last `tokens` of a prompt, whose queries say what is kept")
		fs.IntVar(&s.rivals.Pool, "snapkv-pool", d.Rivals.Pool, "snapkv: neighbouring `tokens` that attention is pooled over, an odd number")
		fs.Float64Var(&s.rivals.Factor, "ntk-factor", d.Rivals.Factor, "ntk: what the trained context is stretched by; 0: as much as the text asks for")
		fs.IntVar(&s.rivals.Near, "selfextend-window", d.Rivals.Near, "selfextend: `tokens` at true distances; default: a quarter of the trained context")
		fs.IntVar(&s.rivals.Group, "selfextend-group", d.Rivals.Group, "selfextend: `tokens` to a position beyond them; 0: as many as the text asks for")
	}
	fs.IntVar(&s.nInit, "n-init", d.NInit, "first `tokens`, always attended to")
	fs.IntVar(&s.nLocal, "n-local", d.NLocal, "most recent `tokens` before a step's own, always attended to")
	fs.IntVar(&s.k, "k", d.K, "`tokens` selected from the rest, in every layer at every step")
	fs.IntVar(&s.chunk, "chunk", d.Chunk, "`tokens` of a prompt that are read at once")
	fs.IntVar(&s.tail, "tail", d.Tail, "last `tokens` of a prompt that are read by themselves, so that the question selects for itself; 0: as they come")
	fs.Float64Var(&s.theta, "theta", d.Theta, "Selection Cache: reuse a selection while the query's `cosine` with the one it was made for is at least this; 0: never")
	fs.IntVar(&s.pool, "pool", d.Pool, "tokenselect: a token has the largest vote of so many `neighbours`, an odd number up to 17, itself included; 0: its own")
	fs.StringVar(&s.index, "index", d.Index.String(), `what candidates are scored from: "exact" (the cache's keys), or a copy of them as "int8" or "int4", which takes memory besides and is faster to read`)
	return s
}

// config is what the flags say, with the budgets that were left alone fitted to
// a model trained on context tokens.
func (s *selectionFlags) config(context int) (selection.Config, error) {
	return s.over(selection.Default(context))
}

// over is what the flags say, with the budgets that were left alone those of c.
func (s *selectionFlags) over(c selection.Config) (selection.Config, error) {
	set := map[string]bool{}
	s.fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	c.Policy, c.Tail, c.Theta, c.Pool = selection.Policy(s.policy), s.tail, s.theta, s.pool
	for _, b := range []struct {
		name string
		from int
		to   *int
	}{
		{"n-init", s.nInit, &c.NInit}, {"n-local", s.nLocal, &c.NLocal}, {"k", s.k, &c.K}, {"chunk", s.chunk, &c.Chunk},
		{"quest-page", s.rivals.Page, &c.Rivals.Page}, {"infllm-block", s.rivals.Block, &c.Rivals.Block},
		{"infllm-representatives", s.rivals.Representatives, &c.Rivals.Representatives},
		{"snapkv-window", s.rivals.Window, &c.Rivals.Window}, {"snapkv-pool", s.rivals.Pool, &c.Rivals.Pool},
		{"selfextend-window", s.rivals.Near, &c.Rivals.Near}, {"selfextend-group", s.rivals.Group, &c.Rivals.Group},
	} {
		if set[b.name] {
			*b.to = b.from
		}
	}
	if set["ntk-factor"] {
		c.Rivals.Factor = s.rivals.Factor
	}
	if err := c.SetIndex(s.index); err != nil {
		return c, usageError{fmt.Errorf("-index: %w", err)}
	}
	if err := c.Validate(); err != nil {
		return c, usageError{err}
	}
	return c, nil
}

// byteSize is a number of bytes in words.
func byteSize(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
