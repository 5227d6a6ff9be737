package kernels_test

import (
	"testing"

	"tokenselect/engine/gpu/gputest"
)

// TestWGPU holds the shaders to the plain twins on this machine's GPU.
func TestWGPU(t *testing.T) { gputest.Run(t, gputest.WGPU) }
