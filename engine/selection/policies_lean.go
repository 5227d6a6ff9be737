//go:build lean

package selection

import (
	"context"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// full is false where policies to compare with are not part of the build: in the
// engine for browsers.
const full = false

// Policies lists the policies that Config.Policy may name.
func Policies() []Policy { return []Policy{TokenSelect, Dense, Window} }

func newChooser(s *Selector) chooser {
	if s.cfg.Policy == TokenSelect {
		return &softVote{scorer: scorer{of: s}}
	}
	return nil
}

func (s *Selector) scored() bool { return s.chooser != nil }

func (s *Selector) scoreBuffer() *gpu.Buffer {
	if s.chooser == nil {
		return nil
	}
	return s.chooser.score
}

// chooser is the only one, and no interface: what it would take to describe it is a
// good part of what this build leaves out. There are no rivals.
type (
	chooser = *softVote
	rival   = *struct{}
)

func newRival(*Selector) rival { return nil }

func (s *Selector) rivalMemory(int) []buffer { return nil }

func (s *Selector) grow([]buffer, int) error { return nil }

func (s *Selector) attend(_ *gpu.Recording, _ kernels.Query, out kernels.Selection) kernels.Selection {
	return out
}

func (s *Selector) rivalChosen(context.Context) ([]Chosen, error) { return nil, nil }

func defaultRivals(int) (r Rivals) { return r }

func (c Config) rivalPositions(int) (positions int, ok bool) { return 0, false }

func (c Config) fits(Shape) error { return nil }

// Rivals has nothing to say in this build.
type Rivals struct{}

func (Rivals) validate(Config) error { return nil }
