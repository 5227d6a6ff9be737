//go:build !lean

package selection

// Policies lists the policies that Config.Policy may name.
func Policies() []Policy { return []Policy{TokenSelect, Dense, Window, Quest, InfLLM, NTK, SelfExtend} }

// newChooser is how the policy of a selector finds rows, nil where it selects none.
func newChooser(s *Selector) chooser {
	if s.cfg.Policy == TokenSelect {
		return &softVote{scorer: scorer{Selector: s}}
	}
	return nil
}

// newRival is the policy of a selector, where that has lists, positions or a memory
// of its own.
func newRival(s *Selector) rival {
	switch s.cfg.Policy {
	case Quest:
		return newQuest(s)
	case InfLLM:
		return newInfLLM(s)
	case NTK:
		return &ntk{Selector: s}
	case SelfExtend:
		return selfExtend{s}
	}
	return nil
}
