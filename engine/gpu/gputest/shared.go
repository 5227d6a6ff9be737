package gputest

import (
	"testing"

	"tokenselect/engine/gpu"
)

// Shared is a device that the tests of a program share, so that its kernels are
// compiled once: a software GPU takes longer to compile a model's kernels than to run
// them on a short text.
type Shared struct {
	Open func(testing.TB) gpu.Device // WGPU, for example

	dev  gpu.Device
	ends []func() // what Open left to do at the end
}

// For is the device, opened by the first test that asks for it, and once more where a
// test has lost it.
func (s *Shared) For(t testing.TB) gpu.Device {
	t.Helper()
	if s.dev != nil {
		if b, err := s.dev.NewBuffer("still there", 4); err == nil {
			s.dev.Free(b)
			return s.dev
		}
		s.Close()
	}
	s.dev = s.Open(lasting{t, s})
	return s.dev
}

// Close ends what Open has begun; TestMain calls it.
func (s *Shared) Close() {
	for len(s.ends) > 0 {
		last := len(s.ends) - 1
		s.ends[last]()
		s.ends = s.ends[:last]
	}
	s.dev = nil
}

// lasting is a test whose cleanups wait until the program's end.
type lasting struct {
	testing.TB
	of *Shared
}

func (l lasting) Cleanup(f func()) { l.of.ends = append(l.of.ends, f) }
