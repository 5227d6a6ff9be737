//go:build !js && cgo && !gowebgpu

package wgpunative_test

import (
	"errors"
	"testing"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
)

// TestTime: what is timed is done too, takes time, more time the more it is, and no
// more than passes meanwhile on this machine, most of which it is.
func TestTime(t *testing.T) {
	d := gputest.WGPU(t)
	const n = 1 << 20
	x, y := newBuffer(t, d, "x", 4*n), newBuffer(t, d, "y", 4*n)
	write(t, d, x, 0, ramp(n))
	var r gpu.Recording
	// timed is what so many rounds take by the device and by this machine.
	timed := func(rounds int) (took, passed time.Duration) {
		t.Helper()
		r.Reset()
		for i := range rounds {
			gpu.Dispatch(&r, add, (n+63)/64, &addParams{n, uint32(i), 0}, gpu.All(x), gpu.All(y))
		}
		began := time.Now()
		took, err := d.(gpu.Clock).Time(t.Context(), &r)
		passed = time.Since(began)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skipf("skipped: %v", err)
		}
		if err != nil || took <= 0 {
			t.Fatalf("%v, %v", took, err)
		}
		if got := read(t, d, y, 4*(n-1), 1)[0]; got != uint32(n-1+rounds-1) {
			t.Errorf("the last word is %d, expected %d", got, n-1+rounds-1)
		}
		return took, passed
	}
	timed(1) // compiles, and measures the clock
	few, _ := timed(40)
	rounds := 160
	many, passed := timed(rounds)
	if many <= few {
		t.Errorf("%d dispatches: %v, expected more than 40, %v", rounds, many, few)
	}
	// Long enough for what the host does to hardly count, however fast the device.
	for passed < 50*time.Millisecond {
		rounds *= 2
		many, passed = timed(rounds)
	}
	t.Logf("40 dispatches: %v; %d: %v of %v", few, rounds, many, passed)
	if many > passed*11/10 || many < passed/2 {
		t.Errorf("%d dispatches took %v by the device, %v by this machine", rounds, many, passed)
	}

	r.Reset()
	if _, err := d.(gpu.Clock).Time(t.Context(), &r); err == nil {
		t.Error("an empty recording was timed")
	}
	gpu.Dispatch(&r, add, 1, &addParams{64, 0, 0}, gpu.All(x), gpu.All(y))
	r.Copy(x, 0, y, 0, 4)
	if _, err := d.(gpu.Clock).Time(t.Context(), &r); err == nil {
		t.Error("a copy was timed")
	}
}

// TestTimeRefused: a pass that is timed is refused as one that is not, and the
// device goes on.
func TestTimeRefused(t *testing.T) {
	d := gputest.WGPU(t)
	y := newBuffer(t, d, "y", 4)
	var r gpu.Recording
	gpu.Dispatch(&r, count, 5, &struct{}{}, gpu.All(y))
	clock := d.(gpu.Clock)
	if _, err := clock.Time(t.Context(), &r); errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("skipped: %v", err)
	}
	long := &gpu.Kernel{Name: "long", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}},
		WGSL: source(`struct Long { head: array<vec4<u32>, 8>, tail: array<u32> }
@group(0) @binding(0) var<storage, read_write> y: Long;
@compute @workgroup_size(1)
fn main() { y.tail[0] = 1u; }
`)}
	gpu.Dispatch(&r, long, 1, &struct{}{}, gpu.All(y))
	if _, err := clock.Time(t.Context(), &r); err == nil {
		t.Error("4 bytes bound where the shader needs 144: no error")
	}
	r.Reset()
	gpu.Dispatch(&r, count, 5, &struct{}{}, gpu.All(y))
	if took, err := clock.Time(t.Context(), &r); err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
	if got := read(t, d, y, 0, 1)[0]; got != 10 {
		t.Errorf("y[0] = %d, expected 10", got)
	}
}
