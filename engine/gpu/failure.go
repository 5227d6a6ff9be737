package gpu

import (
	"errors"
	"fmt"
	"strings"
)

// Failure is an error of a guarded device: what failed, why, and what to do. It
// wraps the device's own error and, where one fits, a sentinel of this package.
type Failure struct {
	Info  Info   // of the device
	Doing string // what was asked of it, as "reading 4 bytes of logits"
	Err   error
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %s while %s: %v (%s)", f.device(), f.what(), f.Doing, f.Err, f.Advice())
}

func (f *Failure) device() string {
	if f.Info.Name == "" || strings.EqualFold(f.Info.Name, f.Info.Device) {
		return f.Info.Device
	}
	return f.Info.Device + ", " + f.Info.Name
}

func (f *Failure) Unwrap() error { return f.Err }

func (f *Failure) what() string {
	var shader *ShaderError
	switch {
	case errors.Is(f.Err, ErrHang):
		return "no answer"
	case errors.Is(f.Err, ErrDeviceLost):
		return "the device was lost"
	case errors.Is(f.Err, ErrOutOfMemory):
		return "out of memory"
	case errors.Is(f.Err, ErrLimit):
		return "a limit was exceeded"
	case errors.As(f.Err, &shader):
		return "a kernel was refused"
	}
	return "an error"
}

// Advice is what the user of a program can do.
func (f *Failure) Advice() string {
	var shader *ShaderError
	switch {
	case errors.Is(f.Err, ErrHang):
		return "the driver may be stuck: use another device, and restart the program before this one is used again"
	case errors.Is(f.Err, ErrDeviceLost):
		return "the driver was reset or the device taken away: open it again or use another one"
	case errors.Is(f.Err, ErrOutOfMemory):
		return "use a smaller context or model, close other programs that use the device, or use another one"
	case errors.Is(f.Err, ErrLimit):
		return "use a smaller context or model, or another device"
	case errors.As(f.Err, &shader):
		return "update its driver or use another device; this is worth a report"
	}
	return "use another device; this is worth a report"
}

// Failed tells whether err is the fault of a device, or of too little of it, so
// that another device may do better.
func Failed(err error) bool {
	var f *Failure
	for _, e := range []error{ErrHang, ErrDeviceLost, ErrOutOfMemory, ErrLimit} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.As(err, &f)
}

// Gone tells whether the device cannot be used any more after f.
func (f *Failure) Gone() bool {
	return errors.Is(f.Err, ErrHang) || errors.Is(f.Err, ErrDeviceLost)
}
