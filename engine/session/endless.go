package session

import "tokenselect/engine"

// Endless allows every token but those that end a text or an answer, so that a
// generation goes on until it has all its tokens: for measurements and experiments.
func (m *Model) Endless() engine.Constraint {
	vocab := m.Engine.Config().Vocab
	set := make(anyOf, (vocab+63)/64)
	for id := range vocab {
		if !m.IsEnd(id) {
			set[id/64] |= 1 << (id % 64)
		}
	}
	return set
}

// anyOf is a set of tokens of which any may come at any time.
type anyOf []uint64

func (s anyOf) Allowed() []uint64 { return s }
func (s anyOf) Took(int) error    { return nil }
