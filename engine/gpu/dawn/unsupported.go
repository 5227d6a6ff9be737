//go:build !js && !((darwin || linux || windows) && (amd64 || arm64))

package dawn

import (
	"fmt"
	"runtime"

	"tokenselect/engine/gpu"
)

var errUnsupported = fmt.Errorf("dawn: Dawn cannot be loaded on %s/%s, only on Linux, macOS and Windows on amd64 and arm64: %w", runtime.GOOS, runtime.GOARCH, gpu.ErrNoAdapter)

// Adapters fails: Dawn cannot be loaded here.
func Adapters(string) ([]Adapter, error) { return nil, errUnsupported }

// Open fails: Dawn cannot be loaded here.
func Open(Options) (gpu.Device, error) { return nil, errUnsupported }
