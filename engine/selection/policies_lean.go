//go:build lean

package selection

// Policies lists the policies that Config.Policy may name. The engine for browsers
// leaves out those that are there to be compared with.
func Policies() []Policy { return []Policy{TokenSelect, Dense, Window} }

// optional: Options of TokenSelect are not part of this build.
const optional = false

func newChooser(s *Selector) chooser {
	if s.cfg.Policy == TokenSelect {
		return &softVote{scorer: scorer{Selector: s}}
	}
	return nil
}

func newRival(*Selector) rival { return nil }
