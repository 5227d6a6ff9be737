//go:build !lean

package selection

import (
	"fmt"

	"tokenselect/engine/kernels"
)

// Rivals is what the policies that TokenSelect is compared with ask for besides
// Config's budgets.
type Rivals struct {
	Page            int // quest: tokens of a page; the paper's is 16
	Block           int // infllm: tokens of a block; the paper's is 128
	Representatives int // infllm: tokens that stand for a block, for each head; the paper's is 4

	Window int // snapkv: the last tokens of a prompt, whose queries say what is kept; the paper's are 32
	Pool   int // snapkv: neighbours that attention is pooled over, itself included; the paper's are 7

	Trained int     // ntk, selfextend: tokens that the model was trained for
	Factor  float64 // ntk: what the trained context is stretched by; 0: as much as the text asks for
	Near    int     // selfextend: tokens at true distances; the paper's are a quarter of the trained context
	Group   int     // selfextend: tokens to a position beyond them; 0: as many as the text asks for
}

// defaultRivals is what the papers have, for a model that was trained on context
// tokens.
func defaultRivals(context int) Rivals {
	return Rivals{Page: 16, Block: 128, Representatives: 4, Window: 32, Pool: 7, Trained: context, Near: max(1, context/4)}
}

// validate says what is wrong with r under c's policy, naming the field.
func (r Rivals) validate(c Config) error {
	for _, f := range []struct {
		policy          Policy
		name            string
		value, min, max int
	}{
		{Quest, "quest page", r.Page, 1, c.K},
		{InfLLM, "infllm block", r.Block, 1, c.K},
		{InfLLM, "infllm representatives", r.Representatives, 1, r.Block},
		{SnapKV, "snapkv window", r.Window, 1, c.K + c.NLocal - 1},
		{SnapKV, "snapkv pool", r.Pool, 1, maxTokens},
		{NTK, "trained context", r.Trained, 1, maxTokens},
		{SelfExtend, "trained context", r.Trained, 2, maxTokens},
		{SelfExtend, "selfextend window", r.Near, 1, r.Trained - 1},
		{SelfExtend, "selfextend group", r.Group, 0, maxTokens},
	} {
		if c.Policy == f.policy && (f.value < f.min || f.value > f.max) {
			return fmt.Errorf("selection: %s is %d, expected %d to %d with policy %s, k of %d and a trained context of %d", f.name, f.value, f.min, f.max, c.Policy, c.K, r.Trained)
		}
	}
	if c.Policy == SnapKV && r.Pool%2 == 0 {
		return fmt.Errorf("selection: snapkv pool is %d, expected an odd number, as many on each side", r.Pool)
	}
	if c.Policy == NTK && r.Factor != 0 && !(r.Factor >= 1 && r.Factor <= maxTokens) {
		return fmt.Errorf("selection: ntk factor is %v, expected at least 1, or 0 (as much as the text asks for)", r.Factor)
	}
	return nil
}

// fits says what is wrong with c for a model of a shape.
func (c Config) fits(shape Shape) error {
	if n := len(shape.InvFreq); c.Policy == NTK && n != shape.HeadDim/2 {
		return fmt.Errorf("selection: %d angles for heads of size %d, expected %d with policy %s", n, shape.HeadDim, shape.HeadDim/2, c.Policy)
	}
	return nil
}

// rivalPositions is Config.Positions of the policies that TokenSelect is compared
// with.
func (c Config) rivalPositions(rows int) (positions int, ok bool) {
	switch c.Policy {
	case Quest, InfLLM: // the list, and a probe at distance n_local
		return min(rows, c.Budget()) + c.Chunk, true
	case NTK: // it has a table of its own
		return 1, true
	case SelfExtend:
		if c.Rivals.Group == 0 { // and what rounding adds
			return min(rows, c.Rivals.Trained+2), true
		}
		return c.grouped(rows).Distances(rows, 1), true
	}
	return 0, false
}

// grouped is SelfExtend's positions for a text of n tokens.
func (c Config) grouped(n int) kernels.Lists {
	r := c.Rivals
	group := r.Group
	if group == 0 {
		group = max(1, (n-r.Near+r.Trained-r.Near-1)/(r.Trained-r.Near))
	}
	return kernels.Lists{N: 1, Place: kernels.PlaceGrouped, Window: r.Near, Group: group}
}
