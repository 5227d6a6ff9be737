//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"tokenselect/engine/gpu"
)

// open opens a device for a test, or skips it.
func open(t testing.TB) *Device {
	t.Helper()
	d, err := Open(Options{Adapter: -1})
	if err != nil {
		skip(t, err)
	}
	t.Cleanup(d.Close)
	return d.(*Device)
}

// skip ends a test without Dawn.
func skip(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("TOKENSELECT_REQUIRE_DAWN") == "1" {
		t.Fatalf("TOKENSELECT_REQUIRE_DAWN=1: %v", err)
	}
	t.Skipf("skipped: %v", err)
}

// one is a kernel that adds its params to y[0].
var one = &gpu.Kernel{Name: "one", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}}, Params: 4, WGSL: func() (gpu.Source, error) {
	return gpu.Source{Text: "struct Params { value: u32 }\n@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n" +
		"@group(1) @binding(0) var<uniform> p: Params;\n@compute @workgroup_size(1) fn main() { y[0] += p.value; }\n"}, nil
}}

// TestNull: the adapter that runs nothing is refused by its name, also when
// Dawn offers it as what was asked for.
func TestNull(t *testing.T) {
	l, err := load("")
	if err != nil {
		skip(t, err)
	}
	n, err := newNative(l)
	if err != nil {
		t.Fatal(err)
	}
	defer n.release()
	f, err := n.request(requestAdapterOptions{featureLevel: levelCore, backendType: uint32(nullBackend)}, nil)
	if err == nil {
		t.Fatalf("%+v was not refused", f.info)
	}
	t.Log(err)
	if !strings.Contains(err.Error(), "Null") {
		t.Errorf("%v, expected it to name the Null adapter", err)
	}
}

// TestLost: a device that is gone says so, whatever is asked of it.
func TestLost(t *testing.T) {
	d := open(t)
	y, err := d.NewBuffer("y", 1024)
	if err != nil {
		t.Fatal(err)
	}
	var r gpu.Recording
	value := uint32(1)
	gpu.Dispatch(&r, one, 1, &value, gpu.All(y))
	if err := d.Submit(&r); err != nil {
		t.Fatal(err)
	}
	call(d.lib.DeviceDestroy, uintptr(d.device))
	_, made := d.NewBuffer("z", 4)
	for what, err := range map[string]error{
		"submit": d.Submit(&r), "new buffer": made, "write": d.Write(y, 0, make([]byte, 4)),
		"read": d.Read(context.Background(), y, 0, make([]byte, 4)),
	} {
		if !errors.Is(err, gpu.ErrDeviceLost) {
			t.Errorf("%s: %v, expected ErrDeviceLost", what, err)
		}
	}
	d.Free(y)
}

// TestNoMemory has Dawn pretend, as its own tests do, that a buffer does not
// fit.
func TestNoMemory(t *testing.T) {
	d := open(t)
	var p pins
	defer p.Unpin()
	type fakeMemory struct {
		chained
		atWireMap, atMap, atDevice uint32
	}
	fake := &fakeMemory{chained: chained{sType: 0x50040}, atDevice: 1}
	p.Pin(fake)
	descriptor := pin(&p, &bufferDescriptor{next: unsafe.Pointer(fake), usage: usageStorage, size: 1024})
	_, err := d.object(d.lib.DeviceCreateBuffer, d.lib.BufferRelease, descriptor)
	var other *complaint
	if errors.As(err, &other) {
		t.Skipf("skipped: this version of Dawn does not pretend: %v", err)
	}
	if !errors.Is(err, gpu.ErrOutOfMemory) {
		t.Errorf("%v, expected ErrOutOfMemory", err)
	}
	if _, err := d.NewBuffer("y", 1024); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// TestCancelled: a wait ends with its context, and the device is as good as
// before.
func TestCancelled(t *testing.T) {
	d := open(t)
	y, err := d.NewBuffer("y", 4)
	if err != nil {
		t.Fatal(err)
	}
	slow := &gpu.Kernel{Name: "slow", Bindings: one.Bindings, Params: 4, WGSL: func() (gpu.Source, error) {
		return gpu.Source{Text: "struct Params { value: u32 }\n@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n" +
			"@group(1) @binding(0) var<uniform> p: Params;\n" +
			"@compute @workgroup_size(1) fn main() { for (var i = 0u; i < p.value; i++) { y[0] = y[0] * 3u + 1u; } }\n"}, nil
	}}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for n := uint32(1 << 12); ; n *= 2 {
		var r gpu.Recording
		gpu.Dispatch(&r, slow, 1, &n, gpu.All(y))
		if err := d.Submit(&r); err != nil {
			t.Fatal(err)
		}
		if err := d.read(ctx, y.Handle.(*buffer), 0, make([]byte, 4)); errors.Is(err, context.Canceled) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if n > 1<<28 {
			t.Skip("skipped: this device is too fast to be waited for")
		}
	}
	if err := d.Write(y, 0, []byte{7, 0, 0, 0}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if err := d.Read(context.Background(), y, 0, got); err != nil || got[0] != 7 {
		t.Errorf("got %v, %v, expected 7", got, err)
	}
}

// TestTrim: bind groups of ranges that are not bound any more are forgotten,
// and those of the current submit are kept however many they are.
func TestTrim(t *testing.T) {
	d := open(t)
	d.groupsMax = 20
	y, err := d.NewBuffer("y", 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	var r gpu.Recording
	value := uint32(1)
	for i := range 30 {
		gpu.Dispatch(&r, one, 1, &value, gpu.Range{Buffer: y, Offset: 256 * i, Size: 256})
	}
	for range 2 {
		if err := d.Submit(&r); err != nil {
			t.Fatal(err)
		}
		if len(d.groups) != 30 {
			t.Fatalf("%d bind groups, expected 30", len(d.groups))
		}
	}
	d.groupsMax = 20
	for i := range 220 {
		r.Reset()
		gpu.Dispatch(&r, one, 1, &value, gpu.Range{Buffer: y, Offset: 256 * (30 + i), Size: 256})
		if err := d.Submit(&r); err != nil {
			t.Fatal(err)
		}
		if len(d.groups) > 190 {
			t.Fatalf("%d bind groups after %d submits", len(d.groups), i)
		}
	}
	d.Free(y)
	if len(d.groups) != 0 {
		t.Errorf("%d bind groups of a freed buffer", len(d.groups))
	}
}

// TestDropped: bind groups made for a submit that is refused are forgotten, and
// older ones are kept.
func TestDropped(t *testing.T) {
	d := open(t)
	y, err := d.NewBuffer("y", 512)
	if err != nil {
		t.Fatal(err)
	}
	long := &gpu.Kernel{Name: "long", Bindings: one.Bindings, WGSL: func() (gpu.Source, error) {
		return gpu.Source{Text: "@group(0) @binding(0) var<storage, read_write> y: array<u32, 1000>;\n@compute @workgroup_size(1) fn main() { y[0] = 1u; }\n"}, nil
	}}
	value := uint32(1)
	var r gpu.Recording
	gpu.Dispatch(&r, one, 1, &value, gpu.All(y))
	if err := d.Submit(&r); err != nil {
		t.Fatal(err)
	}
	gpu.Dispatch(&r, one, 1, &value, gpu.Range{Buffer: y, Offset: 256, Size: 256})
	gpu.Dispatch(&r, long, 1, &struct{}{}, gpu.All(y))
	if err := d.Submit(&r); err == nil {
		t.Fatal("512 bytes bound where the shader needs 4000: no error")
	}
	if len(d.groups) != 1 {
		t.Errorf("%d bind groups, expected the first alone", len(d.groups))
	}
}

// TestScopedThread: an error scope is of one thread, and a goroutine loses its
// thread to another one that locks it.
func TestScopedThread(t *testing.T) {
	d := open(t)
	y, err := d.NewBuffer("y", 512)
	if err != nil {
		t.Fatal(err)
	}
	buf, err := d.handle(y)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan bool)
	defer close(over)
	for i := range 5 {
		err := d.scoped(func() {
			taken := make(chan bool)
			go func() {
				runtime.LockOSThread()
				close(taken)
				<-over
			}()
			<-taken
			enc := handle(call(d.lib.DeviceCreateCommandEncoder, uintptr(d.device), 0))
			call(d.lib.CommandEncoderCopyBufferToBuffer, uintptr(enc), uintptr(buf.buf), 0, uintptr(buf.buf), 0, 3)
			call(d.lib.CommandBufferRelease, call(d.lib.CommandEncoderFinish, uintptr(enc), 0))
			call(d.lib.CommandEncoderRelease, uintptr(enc))
		}, filterValidation)
		var said *complaint
		if !errors.As(err, &said) || !strings.Contains(said.text, "[Buffer \"y\"]") {
			t.Fatalf("try %d: a copy of 3 bytes from a buffer to itself: %v, expected a complaint", i, err)
		}
	}
}

// TestReopened: devices that are closed leave nothing behind, and those of two
// goroutines do not disturb each other.
func TestReopened(t *testing.T) {
	open(t).Close()
	states.Lock()
	before := len(states.by)
	states.Unlock()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 5 {
				d := open(t)
				y, err := d.NewBuffer("y", 4)
				if err != nil {
					t.Error(err)
					return
				}
				var r gpu.Recording
				for value := range uint32(50) {
					gpu.Dispatch(&r, one, 1, &value, gpu.All(y))
				}
				got := make([]byte, 4)
				if err := errors.Join(d.Submit(&r), d.Read(context.Background(), y, 0, got)); err != nil {
					t.Error(err)
				}
				if sum := binary.LittleEndian.Uint32(got); sum != 49*25 {
					t.Errorf("got %d, expected %d", sum, 49*25)
				}
				d.Close()
			}
		})
	}
	wg.Wait()
	states.Lock()
	defer states.Unlock()
	if len(states.by) != before {
		t.Errorf("%d states, expected %d", len(states.by), before)
	}
}

// BenchmarkEncode is the host's work for one dispatch among 600, which is never
// run.
func BenchmarkEncode(b *testing.B) {
	d := open(b)
	y, err := d.NewBuffer("y", 4)
	if err != nil {
		b.Fatal(err)
	}
	var r gpu.Recording
	for i := range uint32(600) {
		gpu.Dispatch(&r, one, 1, &i, gpu.All(y))
	}
	if err := d.Submit(&r); err != nil {
		b.Fatal(err)
	}
	for i := 0; i < b.N; i += 600 {
		enc := handle(call(d.lib.DeviceCreateCommandEncoder, uintptr(d.device), 0))
		d.encode(enc, r.Commands(), d.steps)
		call(d.lib.CommandEncoderRelease, uintptr(enc))
	}
}
