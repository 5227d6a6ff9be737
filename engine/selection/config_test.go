package selection_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/selection"
)

func ExampleDefault() {
	c := selection.Default(2048) // the context that a model was trained on
	fmt.Println(c.Policy, c.NInit, c.K, c.NLocal, c.Chunk)
	c.K = 4096
	fmt.Println(c.Validate(), c.Warning(2048) != "")
	// Output:
	// tokenselect 16 512 256 256
	// <nil> true
}

// TestDefault: budgets stay within the trained context, however small.
func TestDefault(t *testing.T) {
	for _, context := range []int{1 << 20, 2048, 1040, 1039, 512, 128, 16, 4} {
		c := selection.Default(context)
		if err := c.Validate(); err != nil {
			t.Errorf("context %d: %v", context, err)
		}
		if c.Budget() > context || c.Warning(context) != "" {
			t.Errorf("context %d: budget of %d tokens, warning %q", context, c.Budget(), c.Warning(context))
		}
	}
}

// TestSteps: every token of a prompt is read once, in chunks; what selects reads the
// last ones by themselves.
func TestSteps(t *testing.T) {
	for _, c := range []struct {
		policy         selection.Policy
		chunk, tail, n int
		want           []int
	}{
		{selection.TokenSelect, 100, 30, 250, []int{100, 200, 220, 250}},
		{selection.TokenSelect, 100, 30, 230, []int{100, 200, 230}},
		{selection.TokenSelect, 100, 30, 31, []int{1, 31}},
		{selection.TokenSelect, 100, 30, 30, []int{30}},
		{selection.TokenSelect, 100, 30, 7, []int{7}},
		{selection.TokenSelect, 100, 0, 250, []int{100, 200, 250}},
		{selection.TokenSelect, 20, 30, 50, []int{20, 30, 50}},
		{selection.TokenSelect, 100, 30, 0, nil},
		{selection.Window, 100, 30, 110, []int{80, 110}},
		{selection.Dense, 100, 30, 250, []int{100, 200, 250}},
		{selection.SnapKV, 100, 30, 100, []int{100}},
	} {
		cfg := selection.Config{Policy: c.policy, Chunk: c.chunk, Tail: c.tail}
		if got := cfg.Steps(c.n); !slices.Equal(got, c.want) {
			t.Errorf("%s, chunk %d, tail %d: %d tokens are read up to %v, expected %v", c.policy, c.chunk, c.tail, c.n, got, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*selection.Config)
	}{
		{"policy", `policy "all", expected tokenselect, dense, window`, func(c *selection.Config) { c.Policy = "all" }},
		{"no policy", `policy ""`, func(c *selection.Config) { c.Policy = "" }},
		{"k", "k is 0", func(c *selection.Config) { c.K = 0 }},
		{"paper's chunk", "chunk is 256, expected at most n_local, 255, with policy paper", func(c *selection.Config) { c.Policy, c.NLocal = "paper", 255 }},
		{"topk of none", "k is 0, expected at least 1 with policy topk", func(c *selection.Config) { c.Policy, c.K = "topk", 0 }},
		{"negative k", "k is -1", func(c *selection.Config) { c.K = -1 }},
		{"huge k", "k is 1073741824", func(c *selection.Config) { c.K = 1 << 30 }},
		{"n_init", "n_init is -1", func(c *selection.Config) { c.NInit = -1 }},
		{"n_local", "n_local is -1", func(c *selection.Config) { c.NLocal = -1 }},
		{"chunk", "chunk is 0", func(c *selection.Config) { c.Chunk = 0 }},
		{"tail", "tail is -1", func(c *selection.Config) { c.Tail = -1 }},
		{"theta", "theta is NaN", func(c *selection.Config) { c.Theta = math.NaN() }},
		{"negative theta", "theta is -0.1", func(c *selection.Config) { c.Theta = -0.1 }},
		{"even pool", "pool is 4, expected 0 (no neighbours) or an odd number up to 17", func(c *selection.Config) { c.Pool = 4 }},
		{"large pool", "pool is 19", func(c *selection.Config) { c.Pool = 19 }},
		{"negative pool", "pool is -1", func(c *selection.Config) { c.Pool = -1 }},
		{"quest page", "quest page is 513, expected 1 to 512", func(c *selection.Config) { c.Policy, c.Rivals.Page = selection.Quest, 513 }},
		{"infllm block", "infllm block is 0, expected 1 to 512", func(c *selection.Config) { c.Policy, c.Rivals.Block = selection.InfLLM, 0 }},
		{"infllm representatives", "representatives is 129, expected 1 to 128", func(c *selection.Config) { c.Policy, c.Rivals.Representatives = selection.InfLLM, 129 }},
		{"snapkv window", "snapkv window is 768, expected 1 to 767", func(c *selection.Config) { c.Policy, c.Rivals.Window = selection.SnapKV, 768 }},
		{"snapkv pool", "snapkv pool is 4, expected an odd number", func(c *selection.Config) { c.Policy, c.Rivals.Pool = selection.SnapKV, 4 }},
		{"ntk factor", "ntk factor is 0.5, expected at least 1", func(c *selection.Config) { c.Policy, c.Rivals.Factor = selection.NTK, 0.5 }},
		{"trained context", "trained context is 0", func(c *selection.Config) { c.Policy, c.Rivals.Trained = selection.NTK, 0 }},
		{"selfextend window", "selfextend window is 2048, expected 1 to 2047", func(c *selection.Config) { c.Policy, c.Rivals.Near = selection.SelfExtend, 2048 }},
		{"selfextend group", "selfextend group is -1", func(c *selection.Config) { c.Policy, c.Rivals.Group = selection.SelfExtend, -1 }},
	} {
		cfg := selection.Default(2048)
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q in it", c.name, err, c.want)
		}
	}
	for _, p := range selection.Policies() {
		cfg := selection.Default(2048)
		cfg.Policy, cfg.NInit, cfg.NLocal, cfg.Theta = p, 0, 0, 0
		if p == selection.Paper { // which counts the chunk among the local tokens
			cfg.NLocal = cfg.Chunk
		}
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s without sinks and window: %v", p, err)
		}
	}
}
