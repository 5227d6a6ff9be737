//go:build js

package webgpujs_test

import (
	"context"
	"errors"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/gpu/webgpujs"
)

// crossings is how often Go has called JavaScript; asking costs some itself,
// which the difference of two in a row tells.
func crossings(t *testing.T) (calls, runtime int) {
	c := js.Global().Get("tokenselectCrossings")
	if c.IsUndefined() {
		t.Skip("skipped: this loader does not count")
	}
	return c.Get("js").Int(), c.Get("runtime").Int()
}

// TestCrossings: a step of hundreds of dispatches, the write of its token and the
// read of its result must cost one call and the look of Go's scheduler at pending
// events.
func TestCrossings(t *testing.T) {
	d := gputest.WGPU(t)
	y, token := newBuffer(t, d, "y", 4), newBuffer(t, d, "token", 4)
	var r gpu.Recording
	dst, word := make([]byte, 4), words(7)
	step := func() {
		r.Reset()
		for i := range uint32(300) {
			gpu.Dispatch(&r, bump, 1, &i, gpu.All(y))
		}
		r.Copy(token, 0, y, 0, 4)
		if err := d.Write(y, 0, word); err != nil {
			t.Fatal(err)
		}
		submit(t, d, &r)
		if err := d.Read(context.Background(), token, 0, dst); err != nil {
			t.Fatal(err)
		}
	}
	step()
	step()
	const steps = 20
	a, _ := crossings(t)
	b, runtimeBefore := crossings(t)
	for range steps {
		step()
	}
	c, runtimeAfter := crossings(t)
	spent := c - b - (b - a)
	t.Logf("%d crossings by syscall/js in %d steps; %d by the runtime", spent, steps, runtimeAfter-runtimeBefore)
	// A timer of Go's runtime makes its scheduler look once more, now and then.
	if spent > 2*steps+steps/4 {
		t.Errorf("%d crossings in %d steps, expected 2 a step", spent, steps)
	}
}

// TestLost: once the device is lost every call says so, one that waits included,
// and none waits for ever.
func TestLost(t *testing.T) {
	d := gputest.WGPU(t)
	y := newBuffer(t, d, "y", 4<<20)
	host := js.Global().Get("tokenselectGPU")
	if host.Get("lose").IsUndefined() {
		t.Fatal("webgpu.js has no way to lose a device")
	}
	var r gpu.Recording
	n := uint32(1)
	gpu.Dispatch(&r, bump, 1, &n, gpu.All(y))
	submit(t, d, &r)
	go host.Call("lose") // when the read waits
	lost := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, gpu.ErrDeviceLost) {
			t.Errorf("%s: %v, expected ErrDeviceLost", what, err)
		}
	}
	lost("read", d.Read(context.Background(), y, 0, make([]byte, 4<<20)))
	lost("read", d.Read(context.Background(), y, 0, make([]byte, 4)))
	lost("write", d.Write(y, 0, words(1)))
	lost("large write", d.Write(y, 0, make([]byte, 1<<20)))
	lost("submit", d.Submit(&r))
	_, err := d.NewBuffer("late", 4)
	lost("buffer", err)
	d.Free(y)
	d.Close()
	e := gputest.WGPU(t)
	if got := read(t, e, newBuffer(t, e, "y", 4), 0, 1)[0]; got != 0 {
		t.Errorf("another device: %d", got)
	}
}

// TestLostUnseen: a device that is lost while Go does nothing is lost for the
// next call.
func TestLostUnseen(t *testing.T) {
	d := gputest.WGPU(t)
	y := newBuffer(t, d, "y", 4)
	js.Global().Get("tokenselectGPU").Call("lose")
	time.Sleep(20 * time.Millisecond)
	var r gpu.Recording
	n := uint32(1)
	gpu.Dispatch(&r, bump, 1, &n, gpu.All(y))
	err := d.Submit(&r)
	if err == nil {
		err = d.Read(context.Background(), y, 0, make([]byte, 4))
	}
	if !errors.Is(err, gpu.ErrDeviceLost) {
		t.Errorf("%v, expected ErrDeviceLost", err)
	}
}

// TestCancelledRead: what a read was given up for must not be written to
// afterwards, and the device goes on.
func TestCancelledRead(t *testing.T) {
	d := gputest.WGPU(t)
	const n = 1 << 20
	y, z := newBuffer(t, d, "y", 4*n), newBuffer(t, d, "z", 4)
	write(t, d, y, 0, ramp(n))
	for range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel() // when the read waits
		dst := make([]byte, 4*n)
		if err := d.Read(ctx, y, 0, dst); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, expected it cancelled", err)
		}
		if got := read(t, d, z, 0, 1)[0]; got != 0 { // ends after the one before it
			t.Fatalf("got %d, expected 0", got)
		}
		for i, b := range dst {
			if b != 0 {
				t.Fatalf("byte %d was written after the read had been given up", i)
			}
		}
	}
}

// TestRefused: a submit that WebGPU refuses is told by the read that waits for
// it, names the kernel, and has run nothing; the device goes on.
func TestRefused(t *testing.T) {
	d := gputest.WGPU(t)
	y := newBuffer(t, d, "y", 64)
	long := &gpu.Kernel{Name: "long", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}},
		WGSL: source(`struct Long { head: array<vec4<u32>, 8>, tail: array<u32> }
@group(0) @binding(0) var<storage, read_write> y: Long;
@compute @workgroup_size(1)
fn main() { y.tail[0] = 1u; }
`)}
	one := uint32(1)
	for range 3 {
		var r gpu.Recording
		gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
		gpu.Dispatch(&r, long, 1, &struct{}{}, gpu.All(y))
		err := d.Submit(&r)
		if err == nil {
			err = d.Read(context.Background(), y, 0, make([]byte, 4))
		}
		if err == nil || !strings.Contains(err.Error(), "long") || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%v, expected a line that names kernel long", err)
		}
		t.Log(err)
		if got := read(t, d, y, 0, 1)[0]; got != 0 {
			t.Fatalf("y[0] = %d after a refused recording, expected 0", got)
		}
	}
	// Refused by a submit that nobody reads of: the next calls tell.
	var r gpu.Recording
	gpu.Dispatch(&r, long, 1, &struct{}{}, gpu.All(y))
	var err error
	for range 100 {
		if err = d.Submit(&r); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err == nil || !strings.Contains(err.Error(), "long") {
		t.Errorf("%v, expected it of kernel long", err)
	}
	r.Reset()
	gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	for d.Submit(&r) != nil { // what the last submits above had to tell
	}
	_ = d.Read(context.Background(), y, 0, make([]byte, 4))
	before := read(t, d, y, 0, 1)[0]
	submit(t, d, &r)
	if got := read(t, d, y, 0, 1)[0]; got != 31*before+1 {
		t.Errorf("y[0] = %d after a right recording, expected %d", got, 31*before+1)
	}
}

// TestManyWrites: small writes that nobody submits must not pile up, and the
// last one must win.
func TestManyWrites(t *testing.T) {
	d := gputest.WGPU(t)
	y := newBuffer(t, d, "y", 4096)
	for i := range 400 {
		write(t, d, y, 0, ramp(1024))
		write(t, d, y, 0, words(uint32(i)))
	}
	if got := read(t, d, y, 0, 2); got[0] != 399 || got[1] != 1 {
		t.Errorf("got %v, expected 399 and 1", got)
	}
}

func TestInfo(t *testing.T) {
	i := gputest.WGPU(t).Info()
	t.Logf("%+v", i)
	if i.Device != "webgpu" || i.Name == "" || i.Kind == "" || i.Backend == "" {
		t.Errorf("%+v: what is missing?", i)
	}
	if strings.Contains(strings.ToLower(i.Name), "swiftshader") && i.Kind != gpu.Software {
		t.Errorf("SwiftShader is a %s", i.Kind)
	}
}

func TestTimings(t *testing.T) {
	d, err := webgpujs.Open(context.Background(), webgpujs.Options{Timestamps: true})
	if err != nil {
		gputest.WGPU(t) // skips or fails
		t.Fatal(err)
	}
	defer d.Close()
	y := newBuffer(t, d, "y", 4)
	var r gpu.Recording
	n := uint32(1)
	for range 50 {
		gpu.Dispatch(&r, bump, 1, &n, gpu.All(y))
	}
	for range 3 {
		submit(t, d, &r)
	}
	spent, err := d.(*webgpujs.Device).Timings(context.Background())
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	t.Log(spent)
	if len(spent) != 3 {
		t.Fatalf("%d durations, expected 3", len(spent))
	}
	for _, s := range spent {
		if s < 0 || s > time.Minute {
			t.Errorf("%v, expected some microseconds", s)
		}
	}
}

// TestNoAdapter: what there is to do must be said.
func TestNoAdapter(t *testing.T) {
	gputest.WGPU(t)
	global := js.Global()
	navigator := js.Global().Get("Object").Call("getOwnPropertyDescriptor", global, "navigator")
	switch {
	case navigator.IsUndefined(): // a worker inherits it
		defer global.Delete("navigator")
	case !navigator.Get("configurable").Bool():
		t.Skip("skipped: navigator cannot be replaced here")
	default:
		defer global.Get("Object").Call("defineProperty", global, "navigator", navigator)
	}
	put := func(v any) {
		global.Get("Object").Call("defineProperty", global, "navigator", map[string]any{"value": v, "configurable": true})
	}
	promise := global.Get("Promise")
	none := js.FuncOf(func(js.Value, []js.Value) any { return promise.Call("resolve", nil) })
	defer none.Release()
	for _, c := range []struct {
		name, want string
		value      any
	}{
		{"no WebGPU", "no WebGPU", map[string]any{}},
		{"no adapter", "no GPU for it", map[string]any{"gpu": map[string]any{"requestAdapter": none}}},
	} {
		put(c.value)
		_, err := webgpujs.Open(context.Background(), webgpujs.Options{})
		if !errors.Is(err, gpu.ErrNoAdapter) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "Chrome") {
			t.Errorf("%s: %v, expected ErrNoAdapter, %q and a browser to use", c.name, err, c.want)
		}
	}
}
