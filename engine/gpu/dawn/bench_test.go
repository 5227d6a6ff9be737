//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn_test

import (
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
)

// BenchmarkDispatch is one dispatch among 600 in a pass, done.
func BenchmarkDispatch(b *testing.B) {
	d := gputest.Dawn(b)
	y := newBuffer(b, d, "y", 4)
	var r gpu.Recording
	for i := range uint32(600) {
		gpu.Dispatch(&r, bump, 1, &i, gpu.All(y))
	}
	submit(b, d, &r)
	read(b, d, y, 0, 1)
	for i := 0; i < b.N; i += 600 {
		submit(b, d, &r)
	}
	read(b, d, y, 0, 1)
}

// BenchmarkSubmit is a submit of one dispatch, without waiting for each.
func BenchmarkSubmit(b *testing.B) {
	d := gputest.Dawn(b)
	y := newBuffer(b, d, "y", 4)
	var r gpu.Recording
	one := uint32(1)
	gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	submit(b, d, &r)
	read(b, d, y, 0, 1)
	for b.Loop() {
		submit(b, d, &r)
	}
	read(b, d, y, 0, 1)
}

// BenchmarkRead is a read of 4 bytes when nothing is left to be done.
func BenchmarkRead(b *testing.B) {
	d := gputest.Dawn(b)
	y := newBuffer(b, d, "y", 4)
	read(b, d, y, 0, 1)
	for b.Loop() {
		read(b, d, y, 0, 1)
	}
}

// BenchmarkStep is a submit of one dispatch and a read of 4 bytes.
func BenchmarkStep(b *testing.B) {
	d := gputest.Dawn(b)
	y := newBuffer(b, d, "y", 4)
	var r gpu.Recording
	one := uint32(1)
	gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	for b.Loop() {
		submit(b, d, &r)
		read(b, d, y, 0, 1)
	}
}
