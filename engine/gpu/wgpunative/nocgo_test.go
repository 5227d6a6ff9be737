//go:build !js && !cgo

package wgpunative

import (
	"errors"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
)

func TestNoCgo(t *testing.T) {
	_, listed := Adapters()
	_, opened := Open(Options{Adapter: -1})
	for _, err := range []error{listed, opened} {
		if !errors.Is(err, gpu.ErrNoAdapter) || !strings.Contains(err.Error(), "CGO_ENABLED=0") {
			t.Errorf("%v, expected ErrNoAdapter and the reason", err)
		}
	}
}
