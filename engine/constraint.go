package engine

import (
	"context"
	"fmt"
	"math/bits"

	"tokenselect/engine/sample"
)

// Constraint says which tokens may come next in an answer: package grammar's
// Matcher is one.
type Constraint interface {
	// Allowed is a set of tokens: bit id%64 of word id/64; ids beyond its words are
	// not allowed. It stays the constraint's. Nil says that the answer is complete
	// and nothing may follow, not even an end token.
	Allowed() []uint64

	// Took tells of each token that came, the end token too.
	Took(id int) error
}

// allowed picks the token after the text from those that a constraint allows, on
// the host. It is -1 where the answer is complete.
func (s *Session) allowed(ctx context.Context, c Constraint, sampler *sample.Sampler) (int, error) {
	set := c.Allowed()
	if set == nil {
		return -1, nil
	}
	vocab := s.e.model.Config.Vocab
	switch id, n := only(set, vocab); n {
	case 0:
		return 0, fmt.Errorf("engine: generate: none of %d tokens may follow", vocab)
	case 1: // there is nothing to read back for it
		sampler.Took(id)
		return id, nil
	}
	logits, err := s.Logits(ctx)
	if err != nil {
		return 0, err
	}
	return sampler.Among(logits, set), nil
}

// only counts the tokens of a set, up to 2, and tells the first.
func only(set []uint64, vocab int) (id, n int) {
	for i, w := range set {
		for ; w != 0 && i<<6+bits.TrailingZeros64(w) < vocab; w &= w - 1 {
			if n++; n == 2 {
				return id, n
			}
			id = i<<6 + bits.TrailingZeros64(w)
		}
	}
	return id, n
}
