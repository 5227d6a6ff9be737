//go:build lean

package selection

import (
	"context"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// full is false where policies to compare with and Options are not part of the build:
// in the engine for browsers.
const full = false

// Policies lists the policies that Config.Policy may name.
func Policies() []Policy { return []Policy{TokenSelect, Dense, Window} }

func newChooser(s *Selector) chooser {
	if s.cfg.Policy == TokenSelect {
		return &softVote{scorer: scorer{of: s}}
	}
	return nil
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

func (s *Selector) chosenLists(context.Context) ([]Chosen, error) { return nil, nil }

func defaultRivals(int) (r Rivals) { return r }

func (c Config) rivalPositions(int) (positions int, ok bool) { return 0, false }

func (c Config) fits(Shape) error { return nil }

func (c Config) validateRest() error { return nil }

// Options and Rivals have nothing to say in this build.
type (
	Options struct{}
	Rivals  struct{}
)

func (Options) denseUntil() int { return 0 }

func (Options) centred() bool { return false }

func (Options) selecting(layer int) int { return layer }
