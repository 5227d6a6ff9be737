package kernels_test

import (
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
)

// TestFast holds the fast versions to the plain twins, with work split among
// more goroutines than there may be cores.
func TestFast(t *testing.T) { gputest.Run(t, cpu(cpudev.Options{Workers: 3})) }

// TestTwinSplit: a twin must not care how its items are handed out.
func TestTwinSplit(t *testing.T) {
	gputest.RunSome(t, cpu(cpudev.Options{Workers: 4, Plain: true}))
}

func cpu(o cpudev.Options) func(testing.TB) gpu.Device {
	return func(t testing.TB) gpu.Device {
		d := cpudev.New(o)
		t.Cleanup(d.Close)
		return d
	}
}
