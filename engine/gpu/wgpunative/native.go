//go:build !js && cgo

package wgpunative

/*
#include "callbacks.h"

extern void wgpuBufferMapAsync(void *buffer, uint32_t mode, size_t offset, size_t size,
	void (*callback)(int32_t status, void *data), void *data);

static void ts_map(ts_state *s, void *buffer, size_t size) {
	s->mapping = -1;
	wgpuBufferMapAsync(buffer, 1, 0, size, ts_on_map, s);
}
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// The binding keeps wgpu-native's pointers to itself; these mirror its structs,
// and a test holds them to it.
type (
	refOnly   struct{ ref unsafe.Pointer }         // wgpu.Instance, wgpu.Adapter, wgpu.Device, wgpu.QuerySet
	deviceRef struct{ device, ref unsafe.Pointer } // wgpu.Buffer, wgpu.CommandEncoder, wgpu.ComputePassEncoder
)

// Drivers made for computing only: the OpenGL ones write to stderr as soon as
// they are looked for.
const backends = wgpu.InstanceBackendVulkan | wgpu.InstanceBackendMetal | wgpu.InstanceBackendDX12

func newInstance() *wgpu.Instance {
	// A layer of Mesa asks the desktop which GPU it prefers, and where there is
	// no desktop it complains on stderr, once for each way to reach one.
	const desktop, layer = "XDG_RUNTIME_DIR", "NODEVICE_SELECT"
	if _, set := os.LookupEnv(layer); !set && os.Getenv(desktop) == "" {
		os.Setenv(layer, "1")
		defer os.Unsetenv(layer)
	}
	i := new(wgpu.Instance)
	(*refOnly)(unsafe.Pointer(i)).ref = createInstance(uint32(backends))
	return i
}

// native is a device of wgpu-native with what its callbacks tell.
type native struct {
	dev   *wgpu.Device
	state *C.ts_state
}

// openNative makes a device whose buffers, storage bindings and workgroup memory
// may have the sizes given in bytes.
func openNative(a *wgpu.Adapter, buffer, binding uint64, shared uint32) (native, error) {
	s := requestDevice((*refOnly)(unsafe.Pointer(a)).ref, buffer, binding, shared)
	if s == nil || s.device == nil {
		why := "no memory"
		if s != nil {
			why = oneLine(C.GoString(&s.deviceText[0]))
			C.free(unsafe.Pointer(s))
		}
		return native{}, fmt.Errorf("wgpunative: the driver gives no device: %s: %w", why, gpu.ErrNoAdapter)
	}
	dev := new(wgpu.Device)
	(*refOnly)(unsafe.Pointer(dev)).ref = s.device
	return native{dev, s}, nil
}

// lost says whether the device is gone, and why.
func (n native) lost() error {
	if n.state.lost == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", gpu.ErrDeviceLost, oneLine(C.GoString(&n.state.lostText[0])))
}

// raw returns err, or what went wrong since the last look beside it, in wgpu's
// words of several lines. Causes that callers branch on are wrapped.
func (n native) raw(err error) error {
	if lost := n.lost(); lost != nil {
		return lost
	}
	const outOfMemory = 2 // WGPUErrorType_OutOfMemory
	kind := n.state.error
	n.state.error = 0
	switch {
	case kind == outOfMemory:
		return gpu.ErrOutOfMemory
	case kind != 0 && err == nil:
		err = errors.New(C.GoString(&n.state.errorText[0]))
	case err == nil:
		return nil
	}
	// Most calls report what the driver has told apart as validation errors.
	switch text := err.Error(); {
	case strings.Contains(text, "Not enough memory left"):
		return gpu.ErrOutOfMemory
	case strings.Contains(text, "device is lost"):
		return gpu.ErrDeviceLost
	}
	return err
}

// check is raw on one line.
func (n native) check(err error) error {
	if err = n.raw(err); err == nil {
		return nil
	}
	return plain(err)
}

// mapRead waits for a submission and calls use with the first size bytes of b,
// which has the usage MapRead and is not used by later ones.
func (n native) mapRead(b *wgpu.Buffer, after wgpu.WrappedSubmissionIndex, size int, use func([]byte)) error {
	C.ts_map(n.state, (*deviceRef)(unsafe.Pointer(b)).ref, C.size_t(size))
	// One wait ends after a minute even when the work has not.
	for n.state.mapping < 0 && n.state.error == 0 && n.state.lost == 0 {
		n.dev.Poll(true, &after)
	}
	if err := n.check(nil); err != nil {
		return err
	}
	if n.state.mapping != 0 {
		return fmt.Errorf("mapping: %s", wgpu.BufferMapAsyncStatus(n.state.mapping))
	}
	use(b.GetMappedRange(0, uint(size)))
	return n.check(b.Unmap())
}
