//go:build lean

package selection

import "errors"

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

func newRival(*Selector) rival { return nil }

func defaultRivals(int) (r Rivals) { return r }

func (c Config) rivalPositions(int) (positions int, ok bool) { return 0, false }

func (c Config) fits(Shape) error { return nil }

// validateRest says whether there is anything that this build cannot do.
func (c Config) validateRest() error {
	if c.Options != (Options{}) {
		return errors.New("selection: options of the selection are not part of this build")
	}
	return nil
}
