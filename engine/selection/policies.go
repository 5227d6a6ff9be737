//go:build !lean

package selection

import "tokenselect/engine/gpu"

// full is true where policies to compare with are part of the build.
const full = true

// Policies lists the policies that Config.Policy may name.
func Policies() []Policy {
	return []Policy{TokenSelect, Dense, Window, TopK, HeadVote, Paper, Oracle, Quest, InfLLM, SnapKV, NTK, SelfExtend}
}

// newChooser is how the policy of a selector finds rows, nil where it selects none.
func newChooser(s *Selector) chooser {
	score := scorer{of: s}
	vote := voting{scorer: score}
	switch s.cfg.Policy {
	case TokenSelect:
		return &softVote{scorer: score}
	case TopK:
		return &topK{vote}
	case HeadVote:
		return &headVote{vote}
	case Paper:
		return &paper{voting: vote}
	case Oracle:
		return &oracle{voting: vote}
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
	case SnapKV:
		return newSnapKV(s)
	case NTK:
		return &ntk{Selector: s}
	case SelfExtend:
		return selfExtend{s}
	}
	return nil
}

func (s *Selector) scored() bool {
	_, ok := s.chooser.(*softVote)
	return ok
}

func (s *Selector) scoreBuffer() *gpu.Buffer {
	if v, ok := s.chooser.(*softVote); ok {
		return v.score
	}
	return nil
}
