//go:build !js

package kernels_test

import (
	"testing"

	"tokenselect/engine/gpu/gputest"
)

// TestDawn holds the shaders to the plain twins on this machine's GPU, through
// Dawn.
func TestDawn(t *testing.T) { gputest.Run(t, gputest.Dawn) }
