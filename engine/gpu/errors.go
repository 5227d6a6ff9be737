package gpu

import (
	"errors"
	"fmt"
)

// Errors that callers branch on. What a Device returns wraps them.
var (
	ErrOutOfMemory = errors.New("out of device memory")
	ErrLimit       = errors.New("beyond a limit of the device")
	ErrDeviceLost  = errors.New("device lost")
	ErrNoAdapter   = errors.New("no adapter")
	ErrHang        = errors.New("the device does not answer")
)

// ShaderError is a complaint of a shader compiler or of validation, with the
// place in the WGSL source file (not in the assembled text).
type ShaderError struct {
	Kernel  string
	File    string // "shaders/soft_vote.wgsl", or "" when the compiler named no line
	Line    int
	Message string
}

func (e *ShaderError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("gpu: kernel %s: %s", e.Kernel, e.Message)
	}
	return fmt.Sprintf("gpu: kernel %s: %s:%d: %s", e.Kernel, e.File, e.Line, e.Message)
}
