//go:build !js && (nodawn || !((darwin || linux || windows) && (amd64 || arm64)))

package dawn

import (
	"fmt"

	"tokenselect/engine/gpu"
)

var errUnsupported = fmt.Errorf("dawn: this build has no Dawn, because it is not for Linux, macOS or Windows on amd64 or arm64, or was made with -tags nodawn: %w", gpu.ErrNoAdapter)

// Adapters fails: this build has no Dawn.
func Adapters(string) ([]Adapter, error) { return nil, errUnsupported }

// Open fails: this build has no Dawn.
func Open(Options) (gpu.Device, error) { return nil, errUnsupported }
