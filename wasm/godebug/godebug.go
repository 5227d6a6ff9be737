// Package godebug takes the place of Go's own internal/godebug in the engine for
// browsers (make wasm puts it there): settings of the environment variable GODEBUG,
// with their metrics and what finds out by bisection which of them breaks a program.
// A page has no environment, every setting has its default, and the engine is 0.14 MB
// smaller. Whoever imports it sees no difference.
package godebug

// Setting is a setting that nobody has set.
type Setting struct{ name string }

// New is the setting of that name, which begins with # where it is undocumented.
func New(name string) *Setting { return &Setting{name} }

// Name is the setting's, without the mark.
func (s *Setting) Name() string {
	if s.Undocumented() {
		return s.name[1:]
	}
	return s.name
}

// Undocumented tells whether the name has the mark.
func (s *Setting) Undocumented() bool { return s.name != "" && s.name[0] == '#' }

// String is name=value.
func (s *Setting) String() string { return s.Name() + "=" }

// IncNonDefault counts uses of values that are not the default, of which there are none.
func (s *Setting) IncNonDefault() {}

// Value is the default.
func (s *Setting) Value() string { return "" }
