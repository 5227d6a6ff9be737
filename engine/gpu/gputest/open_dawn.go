//go:build !js

package gputest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/dawn"
)

var printedDawn sync.Once

// Dawn opens the best GPU of this machine through Dawn and closes it when the
// test ends. Without Dawn's library or a GPU the test is skipped, or fails where
// TOKENSELECT_REQUIRE_DAWN=1 says that there must be both.
func Dawn(t testing.TB) gpu.Device {
	t.Helper()
	d, err := dawn.Open(dawn.Options{Library: DawnLibrary(), Adapter: -1})
	if err != nil {
		if os.Getenv("TOKENSELECT_REQUIRE_DAWN") == "1" {
			t.Fatalf("TOKENSELECT_REQUIRE_DAWN=1: %v", err)
		}
		t.Skipf("skipped: %v", err)
	}
	t.Cleanup(d.Close)
	printedDawn.Do(func() {
		i := d.Info()
		os.Stderr.WriteString("gputest: Dawn on " + i.Name + " (" + string(i.Kind) + ", " + i.Backend + ")\n")
	})
	return d
}

// DawnLibrary is where make dawn has put the library, as the folder of the
// module's programs, or "" where it has not: a test's own program is elsewhere.
func DawnLibrary() string {
	if os.Getenv("DAWN_LIB") != "" {
		return ""
	}
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		bin := filepath.Join(dir, "bin")
		if found, _ := filepath.Glob(filepath.Join(bin, "*webgpu_*")); len(found) > 0 {
			return bin
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return ""
}
