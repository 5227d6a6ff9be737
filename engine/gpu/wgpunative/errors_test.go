//go:build !js && cgo

package wgpunative_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/gpu/wgpunative"
)

// TestShaderErrors: what the compiler says must come with the file and line of
// the source, whichever of its passes finds it.
func TestShaderErrors(t *testing.T) {
	d := gputest.WGPU(t)
	y := newBuffer(t, d, "y", 256)
	for _, c := range []struct {
		name, text, want, file string
		line                   int
	}{
		{"syntax", "// head\n@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n@compute @workgroup_size(1) fn main() {\n  y[0] = ;\n}\n",
			"expected expression, found ';'", "test/body.wgsl", 102},
		{"first line", "fn f( {\n}\n@compute @workgroup_size(1) fn main() {}\n", "expected", "test/head.wgsl", 1},
		{"unknown name", "// head\n@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n@compute @workgroup_size(1) fn main() { y[0] = zz; }\n",
			"'zz'", "test/body.wgsl", 101},
		{"types", "// head\n@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n@compute @workgroup_size(1)\nfn main() {\n  let a = 1u;\n  y[0] = a + 1.5f;\n}\n",
			"Operation Add can't work", "test/body.wgsl", 104},
		{"return", "// head\nfn f() -> u32 {\n  let a = 1u;\n  return f32(a);\n}\n@compute @workgroup_size(1) fn main() {}\n",
			"does not match the function return value", "test/body.wgsl", 102},
		{"binding", "// head\n@group(0) @binding(3) var<storage, read_write> y: array<u32>;\n@compute @workgroup_size(1) fn main() { y[0] = 1u; }\n",
			"inding", "", 0},
		{"no main", "// head\n@compute @workgroup_size(1) fn other() {}\n", "main", "", 0},
		{"workgroup", "// head\n@compute @workgroup_size(2048) fn main() {}\n", "2048", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &gpu.Kernel{Name: "bad_" + c.name, Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}}, WGSL: source(c.text)}
			var r gpu.Recording
			gpu.Dispatch(&r, k, 1, &struct{}{}, gpu.All(y))
			err := d.Submit(&r)
			var s *gpu.ShaderError
			if !errors.As(err, &s) {
				t.Fatalf("%v, expected a ShaderError", err)
			}
			t.Log(err)
			if s.Kernel != k.Name || s.File != c.file || s.Line != c.line || !strings.Contains(s.Message, c.want) {
				t.Errorf("%q at %s:%d of kernel %s, expected %q in it at %s:%d", s.Message, s.File, s.Line, s.Kernel, c.want, c.file, c.line)
			}
			if strings.ContainsAny(s.Message, "\n│") || strings.Contains(s.Message, "wgpu.(") {
				t.Errorf("not a plain line: %q", s.Message)
			}
		})
	}
	// The device is as good as before.
	one := uint32(1)
	var r gpu.Recording
	gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	submit(t, d, &r)
	if got := read(t, d, y, 0, 1)[0]; got != 1 {
		t.Errorf("after the errors: got %d, expected 1", got)
	}
}

// TestNames: errors that are no shader's fault name the kernel and the buffer.
func TestNames(t *testing.T) {
	d := gputest.WGPU(t)
	y, gone := newBuffer(t, d, "y", 4), newBuffer(t, d, "gone", 256)
	d.Free(gone)
	d.Free(gone)
	other := gputest.WGPU(t)
	foreign := newBuffer(t, other, "foreign", 256)
	broken := &gpu.Kernel{Name: "broken", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}},
		WGSL: func() (gpu.Source, error) { return gpu.Source{}, errors.New("no number given for TILE") }}
	for _, c := range []struct {
		name   string
		want   []string
		record func(r *gpu.Recording)
	}{
		{"freed", []string{"kernel count", "binding y", "gone", "freed"}, func(r *gpu.Recording) { gpu.Dispatch(r, count, 1, &struct{}{}, gpu.All(gone)) }},
		{"copy from freed", []string{"copy from gone", "freed"}, func(r *gpu.Recording) { r.Copy(y, 0, gone, 0, 4) }},
		{"copy to freed", []string{"copy to gone", "freed"}, func(r *gpu.Recording) { r.Copy(gone, 0, y, 0, 4) }},
		{"foreign", []string{"kernel count", "foreign", "another device"}, func(r *gpu.Recording) { gpu.Dispatch(r, count, 1, &struct{}{}, gpu.All(foreign)) }},
		{"no text", []string{"kernel broken", "TILE"}, func(r *gpu.Recording) { gpu.Dispatch(r, broken, 1, &struct{}{}, gpu.All(y)) }},
		{"recorded", []string{"-1 workgroups"}, func(r *gpu.Recording) { gpu.Dispatch(r, count, -1, &struct{}{}, gpu.All(y)) }},
	} {
		var r gpu.Recording
		c.record(&r)
		err := d.Submit(&r)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		t.Log(err)
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, expected %q in it", c.name, err, w)
			}
		}
	}
	if err := d.Write(gone, 0, words(1)); err == nil || !strings.Contains(err.Error(), "freed") {
		t.Errorf("write to a freed buffer: %v", err)
	}
	if err := d.Read(context.Background(), gone, 0, words(1)); err == nil || !strings.Contains(err.Error(), "freed") {
		t.Errorf("read of a freed buffer: %v", err)
	}
	for _, c := range []struct{ offset, n int }{{2, 4}, {0, 3}, {4, 4}, {-4, 4}, {0, 8}} {
		if err := d.Write(y, c.offset, make([]byte, c.n)); err == nil {
			t.Errorf("write of %d bytes at %d of 4: no error", c.n, c.offset)
		}
		if err := d.Read(context.Background(), y, c.offset, make([]byte, c.n)); err == nil {
			t.Errorf("read of %d bytes at %d of 4: no error", c.n, c.offset)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := d.Read(ctx, y, 0, words(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled read: %v", err)
	}
}

func TestSizes(t *testing.T) {
	d := gputest.WGPU(t)
	for _, size := range []int{0, -4, 6} {
		if _, err := d.NewBuffer("odd", size); err == nil {
			t.Errorf("buffer of %d bytes: no error", size)
		}
	}
	wide := &gpu.Kernel{Name: "wide", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}}, Params: 4,
		WGSL: source("struct Params { a: array<vec4<u32>, 2> }\n@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n" +
			"@group(1) @binding(0) var<uniform> p: Params;\n@compute @workgroup_size(1) fn main() { y[0] = p.a[1].x; }\n")}
	one := uint32(1)
	var r gpu.Recording
	gpu.Dispatch(&r, wide, 1, &one, gpu.All(newBuffer(t, d, "y", 4)))
	if err := d.Submit(&r); err == nil || !strings.Contains(err.Error(), "kernel wide") {
		t.Errorf("a shader with more params than its kernel: %v", err)
	} else {
		t.Log(err)
	}
	limits := d.Info().Limits
	big, err := d.NewBuffer("big", limits.Binding+256)
	if err == nil {
		r.Reset()
		gpu.Dispatch(&r, count, 1, &struct{}{}, gpu.All(big))
		if err := d.Submit(&r); !errors.Is(err, gpu.ErrLimit) || !strings.Contains(err.Error(), "kernel count") {
			t.Errorf("%d bytes bound: %v, expected ErrLimit", big.Size, err)
		}
		d.Free(big)
	} else if !errors.Is(err, gpu.ErrOutOfMemory) && !errors.Is(err, gpu.ErrLimit) {
		t.Error(err)
	}
	_, err = d.NewBuffer("big", limits.Buffer+4)
	if !errors.Is(err, gpu.ErrLimit) {
		t.Errorf("buffer of %d bytes: %v, expected ErrLimit", limits.Buffer+4, err)
	}
	if limits.Binding < 128<<20 || limits.Buffer < limits.Binding || limits.Shared < 16<<10 {
		t.Errorf("limits %+v, expected at least WebGPU's", limits)
	}
}

// TestFree: freed memory is counted, and freeing it does not disturb work that
// has been submitted or what is bound under the same kernel later.
func TestFree(t *testing.T) {
	d := gputest.WGPU(t).(*wgpunative.Device)
	y := newBuffer(t, d, "y", 1024)
	for i := range 50 {
		x := newBuffer(t, d, "x", 1024)
		write(t, d, x, 0, ramp(256))
		var r gpu.Recording
		gpu.Dispatch(&r, add, 4, &addParams{256, uint32(i), 0}, gpu.All(x), gpu.All(y))
		submit(t, d, &r)
		unused := newBuffer(t, d, "unused", 1024)
		write(t, d, unused, 0, ramp(256)) // still on its way when it is freed
		if d.Buffers() != 3 {
			t.Fatalf("%d buffers, expected 3", d.Buffers())
		}
		d.Free(unused)
		d.Free(x)
		if got := read(t, d, y, 1020, 1)[0]; got != uint32(255+i) {
			t.Fatalf("round %d: got %d, expected %d", i, got, 255+i)
		}
	}
	if d.Buffers() != 1 {
		t.Errorf("%d buffers, expected 1", d.Buffers())
	}
	d.Close()
	d.Close()
	if d.Buffers() != 0 {
		t.Errorf("%d buffers after Close", d.Buffers())
	}
	if _, err := d.NewBuffer("late", 4); err == nil {
		t.Error("a buffer from a closed device")
	}
	if err := d.Write(y, 0, words(1)); err == nil {
		t.Error("a write to a closed device")
	}
	var r gpu.Recording
	if err := d.Submit(&r); err == nil {
		t.Error("a submit to a closed device")
	}
}

// TestLarge writes and reads more than is transferred in one piece.
func TestLarge(t *testing.T) {
	d := gputest.WGPU(t)
	const n = 20<<20 + 3
	y := newBuffer(t, d, "y", 4*n)
	write(t, d, y, 0, ramp(n))
	for i, v := range read(t, d, y, 4, n-1) {
		if v != uint32(i+1) {
			t.Fatalf("word %d: %d", i+1, v)
		}
	}
}

func TestAdapters(t *testing.T) {
	list, err := wgpunative.Adapters()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		if _, err := wgpunative.Open(wgpunative.Options{Adapter: -1}); !errors.Is(err, gpu.ErrNoAdapter) {
			t.Errorf("open without an adapter: %v", err)
		}
		t.Skip("skipped: no adapter")
	}
	d := gputest.WGPU(t)
	if !reflect.DeepEqual(d.Info(), list[0].Info) {
		t.Errorf("opened %+v, listed %+v", d.Info(), list[0].Info)
	}
	if list[0].Info.Device != wgpunative.Name || list[0].Info.Name == "" {
		t.Errorf("%+v", list[0].Info)
	}
	for _, i := range []int{-2, len(list)} {
		if _, err := wgpunative.Open(wgpunative.Options{Adapter: i}); !errors.Is(err, gpu.ErrNoAdapter) {
			t.Errorf("adapter %d of %d: %v", i, len(list), err)
		}
	}
	t.Logf("%+v", list)
}
