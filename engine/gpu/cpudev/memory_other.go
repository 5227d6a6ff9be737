//go:build !linux && !darwin

package cpudev

import "runtime"

// available is not known here: an allocation that cannot be had ends the
// program, as Go does.
func available() (uint64, bool) { return 0, false }

// model is the name of the processor's architecture.
func model() string { return runtime.GOARCH }
