package selection

import "fmt"

// The policies that TokenSelect is compared with and that have budgets of their
// own. All spend what TokenSelect spends: nInit + k + nLocal tokens besides those of
// the step. The engine for browsers has none of them.
const (
	// Quest selects, for each head, the pages with the largest bounds (arXiv
	// 2406.10774).
	Quest Policy = "quest"
	// InfLLM selects, for all heads, the blocks whose representatives the queries make
	// most of (arXiv 2402.04617).
	InfLLM Policy = "infllm"
)

// Rivals is what the policies that TokenSelect is compared with ask for besides
// Config's budgets.
type Rivals struct {
	Page            int // quest: tokens of a page; the paper's is 16
	Block           int // infllm: tokens of a block; the paper's is 128
	Representatives int // infllm: tokens that stand for a block, for each head; the paper's is 4
}

// defaultRivals is what the papers have, for a model that was trained on context
// tokens.
func defaultRivals(context int) Rivals {
	return Rivals{Page: 16, Block: 128, Representatives: 4}
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
	} {
		if c.Policy == f.policy && (f.value < f.min || f.value > f.max) {
			return fmt.Errorf("selection: %s is %d, expected %d to %d with policy %s and k of %d", f.name, f.value, f.min, f.max, c.Policy, c.K)
		}
	}
	return nil
}

// rivalPositions is Config.Positions of the policies that TokenSelect is compared
// with.
func (c Config) rivalPositions(rows int) (positions int, ok bool) {
	switch c.Policy {
	case Quest, InfLLM: // the list, and a probe at distance n_local
		return min(rows, c.Budget()) + c.Chunk, true
	}
	return 0, false
}
