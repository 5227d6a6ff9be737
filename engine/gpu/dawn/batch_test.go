//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"runtime"
	"slices"
	"testing"

	"github.com/ebitengine/purego"
)

// TestCallAll: calls are made in order and get their six words, whatever the
// functions that are called do to registers.
func TestCallAll(t *testing.T) {
	var got [][6]uintptr
	note := purego.NewCallback(func(a, b, c, d, e, f uintptr) uintptr {
		got = append(got, [6]uintptr{a, b, c, d, e, f})
		if len(got)%7 == 0 {
			runtime.GC()
		}
		return a
	})
	var want [][6]uintptr
	var list []cCall
	for i := range uintptr(100) {
		words := [6]uintptr{i, ^i, i << 40, 3 * i, 0, 1 << 63}
		want = append(want, words)
		list = append(list, cCall{note, words})
	}
	callAll(list)
	if !slices.Equal(got, want) {
		t.Errorf("got %x\nexpected %x", got, want)
	}
	got = nil
	callAll(nil)
	callAll(list[5:6])
	if !slices.Equal(got, want[5:6]) {
		t.Errorf("got %x, expected %x", got, want[5:6])
	}
}
