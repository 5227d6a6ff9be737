//go:build !js && !cgo

package wgpunative

import (
	"fmt"

	"tokenselect/engine/gpu"
)

var errNoCgo = fmt.Errorf("wgpunative: this build has no native WebGPU because it was made with CGO_ENABLED=0: %w", gpu.ErrNoAdapter)

// Adapters fails: this build has no native WebGPU.
func Adapters() ([]Adapter, error) { return nil, errNoCgo }

// Open fails: this build has no native WebGPU.
func Open(Options) (gpu.Device, error) { return nil, errNoCgo }
