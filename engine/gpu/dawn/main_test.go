//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn_test

import (
	"os"
	"testing"

	"tokenselect/engine/gpu/gputest"
)

// TestMain lets the tests within the package find what make dawn has fetched.
func TestMain(m *testing.M) {
	if found := gputest.DawnLibrary(); found != "" {
		os.Setenv("DAWN_LIB", found)
	}
	os.Exit(m.Run())
}
