//go:build !js && cgo

package wgpunative

import (
	"errors"
	"reflect"
	"testing"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// TestBinding: the binding's structs are what this package takes them for.
func TestBinding(t *testing.T) {
	for _, c := range []struct {
		theirs, ours reflect.Type
		ref          uintptr
	}{
		{reflect.TypeFor[wgpu.Instance](), reflect.TypeFor[refOnly](), unsafe.Offsetof(refOnly{}.ref)},
		{reflect.TypeFor[wgpu.Adapter](), reflect.TypeFor[refOnly](), unsafe.Offsetof(refOnly{}.ref)},
		{reflect.TypeFor[wgpu.Device](), reflect.TypeFor[refOnly](), unsafe.Offsetof(refOnly{}.ref)},
		{reflect.TypeFor[wgpu.Buffer](), reflect.TypeFor[deviceRef](), unsafe.Offsetof(deviceRef{}.ref)},
		{reflect.TypeFor[wgpu.CommandEncoder](), reflect.TypeFor[deviceRef](), unsafe.Offsetof(deviceRef{}.ref)},
		{reflect.TypeFor[wgpu.ComputePassEncoder](), reflect.TypeFor[deviceRef](), unsafe.Offsetof(deviceRef{}.ref)},
		{reflect.TypeFor[wgpu.QuerySet](), reflect.TypeFor[refOnly](), unsafe.Offsetof(refOnly{}.ref)},
	} {
		f, ok := c.theirs.FieldByName("ref")
		if !ok || f.Type.Kind() != reflect.Pointer || f.Offset != c.ref || c.theirs.Size() != c.ours.Size() {
			t.Errorf("%v: field ref %+v, size %d, expected a pointer at %d of %d bytes", c.theirs, f, c.theirs.Size(), c.ref, c.ours.Size())
		}
	}
}

// TestLimits: the device has the limits that were asked for, neither the defaults
// nor others, as it would if the C library had its structs otherwise.
func TestLimits(t *testing.T) {
	instance := newInstance()
	defer instance.Release()
	list := find(instance)
	if len(list) == 0 {
		t.Skip("skipped: no adapter")
	}
	defer func() {
		for _, f := range list {
			f.adapter.Release()
		}
	}()
	const buffer, binding, shared = 96 << 20, 80 << 20, 20 << 10
	n, err := openNative(list[0].adapter, buffer, binding, shared)
	if err != nil {
		t.Fatal(err)
	}
	defer n.dev.Release()
	l := n.dev.GetLimits().Limits
	if l.MaxBufferSize != buffer || l.MaxStorageBufferBindingSize != binding || l.MaxComputeWorkgroupStorageSize != shared {
		t.Errorf("buffers of %d bytes, bindings of %d and workgroup memory of %d, expected %d, %d and %d", l.MaxBufferSize, l.MaxStorageBufferBindingSize, l.MaxComputeWorkgroupStorageSize, buffer, binding, shared)
	}
	if l.MaxBindGroups < 4 || l.MaxUniformBufferBindingSize < 16<<10 || l.MaxComputeWorkgroupSizeX < 256 || l.MaxComputeWorkgroupsPerDimension != 65535 {
		t.Errorf("%+v, expected WebGPU's defaults", l)
	}
}

// TestCauses: errors that callers branch on keep their cause.
func TestCauses(t *testing.T) {
	memory := errors.New("wgpu.(*Device).CreateBuffer(): Validation Error\n\nCaused by:\n    In wgpuDeviceCreateBuffer\n      note: label = `x`\n    Not enough memory left.\n")
	lost := errors.New("wgpu.(*CommandEncoder).Finish(): Validation Error\n\nCaused by:\n    In wgpuCommandEncoderFinish\n    Parent device is lost\n")
	other := errors.New("wgpu.(*Device).CreateBindGroup(): Validation Error\n\nCaused by:\n    In wgpuDeviceCreateBindGroup\n      note: label = `k`\n    Buffer is destroyed\n")
	instance := newInstance()
	defer instance.Release()
	list := find(instance)
	if len(list) == 0 {
		t.Skip("skipped: no adapter")
	}
	n, err := openNative(list[0].adapter, 1<<28, 1<<27, 16<<10)
	if err != nil {
		t.Fatal(err)
	}
	defer n.dev.Release()
	if err := n.check(memory); !errors.Is(err, gpu.ErrOutOfMemory) {
		t.Errorf("%v, expected ErrOutOfMemory", err)
	}
	if err := n.check(lost); !errors.Is(err, gpu.ErrDeviceLost) {
		t.Errorf("%v, expected ErrDeviceLost", err)
	}
	if err := n.check(other); err == nil || err.Error() != "Buffer is destroyed" {
		t.Errorf("%v, expected the last cause", err)
	}
	if err := n.check(nil); err != nil {
		t.Error(err)
	}
	for _, f := range list {
		f.adapter.Release()
	}
}

// TestTrim: bind groups of ranges that are not bound any more are forgotten,
// and those of the current submit are kept however many they are.
func TestTrim(t *testing.T) {
	made, err := Open(Options{Adapter: -1})
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	d := made.(*Device)
	defer d.Close()
	d.groupsMax = 20
	k := &gpu.Kernel{Name: "one", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}}, WGSL: func() (gpu.Source, error) {
		return gpu.Source{Text: "@group(0) @binding(0) var<storage, read_write> y: array<u32>;\n@compute @workgroup_size(1) fn main() { y[0] += 1u; }\n"}, nil
	}}
	y, err := d.NewBuffer("y", 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	var r gpu.Recording
	for i := range 30 {
		gpu.Dispatch(&r, k, 1, &struct{}{}, gpu.Range{Buffer: y, Offset: 256 * i, Size: 256})
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
		gpu.Dispatch(&r, k, 1, &struct{}{}, gpu.Range{Buffer: y, Offset: 256 * (30 + i), Size: 256})
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
