//go:build !js && (nodawn || !((darwin || linux || windows) && (amd64 || arm64)))

package dawn

import (
	"errors"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
)

func TestUnsupported(t *testing.T) {
	_, listed := Adapters("")
	_, opened := Open(Options{Adapter: -1})
	for _, err := range []error{listed, opened} {
		if !errors.Is(err, gpu.ErrNoAdapter) || !strings.Contains(err.Error(), "nodawn") {
			t.Errorf("%v, expected ErrNoAdapter and the reason", err)
		}
	}
}
