//go:build js

package gputest

import (
	"context"
	"os"
	"sync"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/webgpujs"
)

var printed sync.Once

// WGPU opens the GPU of this browser, or of Node where it has one, and closes it
// when the test ends. Without one the test is skipped, or fails where
// TOKENSELECT_REQUIRE_GPU=1 says that there must be one.
func WGPU(t testing.TB) gpu.Device {
	t.Helper()
	d, err := webgpujs.Open(context.Background(), webgpujs.Options{})
	if err != nil {
		if os.Getenv("TOKENSELECT_REQUIRE_GPU") == "1" {
			t.Fatalf("TOKENSELECT_REQUIRE_GPU=1: %v", err)
		}
		t.Skipf("skipped: %v", err)
	}
	t.Cleanup(d.Close)
	printed.Do(func() {
		i := d.Info()
		os.Stderr.WriteString("gputest: " + i.Name + " (" + string(i.Kind) + ", " + i.Backend + ")\n")
	})
	return d
}
