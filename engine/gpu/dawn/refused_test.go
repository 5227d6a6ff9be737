//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn_test

import (
	"errors"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
)

// TestRefused: a pass that the driver refuses because of one of its dispatches
// must name that one, and nothing of the recording may have run.
func TestRefused(t *testing.T) {
	d := gputest.Dawn(t)
	y := newBuffer(t, d, "y", 64)
	long := &gpu.Kernel{Name: "long", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}},
		WGSL: source(`struct Long { head: array<vec4<u32>, 8>, tail: array<u32> }
@group(0) @binding(0) var<storage, read_write> y: Long;
@compute @workgroup_size(1)
fn main() { y.tail[0] = 1u; }
`)}
	var r gpu.Recording
	one := uint32(1)
	for range 5 {
		gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	}
	gpu.Dispatch(&r, long, 1, &struct{}{}, gpu.All(y))
	gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	err := d.Submit(&r)
	if err == nil {
		t.Fatal("64 bytes bound where the shader needs 144: no error")
	}
	t.Log(err)
	if !strings.Contains(err.Error(), "kernel long:") || strings.Contains(err.Error(), "bump") {
		t.Errorf("%v, expected it to name kernel long alone", err)
	}
	if got := read(t, d, y, 0, 1)[0]; got != 0 {
		t.Errorf("y[0] = %d after a refused recording, expected 0", got)
	}
	r.Reset()
	gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	submit(t, d, &r)
	if got := read(t, d, y, 0, 1)[0]; got != 1 {
		t.Errorf("y[0] = %d after a right recording, expected 1", got)
	}
}

// TestNoText: wgpu-native crashes on an empty text, so it must not get one.
func TestNoText(t *testing.T) {
	d := gputest.Dawn(t)
	y := newBuffer(t, d, "y", 4)
	k := &gpu.Kernel{Name: "empty", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}}, WGSL: source("")}
	var r gpu.Recording
	gpu.Dispatch(&r, k, 1, &struct{}{}, gpu.All(y))
	var s *gpu.ShaderError
	if err := d.Submit(&r); !errors.As(err, &s) || s.Kernel != "empty" {
		t.Errorf("%v, expected a ShaderError of kernel empty", err)
	}
}
