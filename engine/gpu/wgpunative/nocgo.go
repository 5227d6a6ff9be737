//go:build !js && !cgo

package wgpunative

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// Name is how the device would be named on the command line.
const Name = "wgpu"

var errNoCgo = fmt.Errorf("wgpunative: this build has no native WebGPU because it was made with CGO_ENABLED=0: %w", gpu.ErrNoAdapter)

// Adapters fails: this build has no native WebGPU.
func Adapters() ([]Adapter, error) { return nil, errNoCgo }

// Open fails: this build has no native WebGPU.
func Open(Options) (gpu.Device, error) { return nil, errNoCgo }
