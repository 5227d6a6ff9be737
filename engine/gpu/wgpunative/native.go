//go:build !js && cgo

package wgpunative

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// What the Go binding cannot be used for. It leaves most of the descriptor of
// an instance uninitialised. It gives C pointers to Go memory that nothing keeps
// alive for the callbacks of a mapping and of a lost device, so that a garbage
// collection at the wrong time breaks them. And it sets no callback for errors
// outside an error scope, on which wgpu-native then ends the process. (A refused
// submit ends it with a callback too, so what is submitted has to be right.) The
// declarations follow webgpu.h and wgpu.h of wgpu-native 22, which the binding
// links in.

typedef struct {
	struct { void const *next; uint32_t type; } chain;
	uint32_t backends, flags, dx12Compiler, glesMinor;
	char const *dxil, *dxc;
} ts_instance_extras;

typedef struct { ts_instance_extras const *next; } ts_instance_descriptor;

extern void *wgpuCreateInstance(ts_instance_descriptor const *descriptor);

static void *ts_instance(uint32_t backends) {
	ts_instance_extras extras;
	memset(&extras, 0, sizeof extras);
	extras.chain.type = 0x00030006; // WGPUSType_InstanceExtras
	extras.backends = backends;
	ts_instance_descriptor d = { &extras };
	return wgpuCreateInstance(&d);
}

typedef void (*ts_text_callback)(int32_t kind, char const *message, void *data);

typedef struct {
	uint32_t textures[4], groups[3], dynamic[2], perStage[5];
	uint64_t uniformBinding, storageBinding;
	uint32_t alignment[2], vertexBuffers;
	uint64_t buffer;
	uint32_t vertex[2], interStage[2], color[2], workgroup[6];
} ts_limits;

typedef struct { void const *next; ts_limits limits; } ts_required_limits;

typedef struct {
	void const *next;
	char const *label;
	size_t featureCount;
	void const *features;
	ts_required_limits const *limits;
	struct { void const *next; char const *label; } queue;
	ts_text_callback lost;
	void *lostData;
	struct { void const *next; ts_text_callback callback; void *data; } uncaptured;
} ts_device_descriptor;

extern void wgpuAdapterRequestDevice(void *adapter, ts_device_descriptor const *descriptor,
	void (*callback)(int32_t status, void *device, char const *message, void *data), void *data);
extern void wgpuBufferMapAsync(void *buffer, uint32_t mode, size_t offset, size_t size,
	void (*callback)(int32_t status, void *data), void *data);

// What callbacks leave for Go to find. It is never freed, as a device may be
// lost at any time, also while it is being released.
typedef struct {
	void *device;
	int32_t lost;    // set when the device is lost
	int32_t error;   // kind of the first error since the last look, 0: none
	int32_t mapping; // status of the last mapping, -1: not done
	char lostText[512], errorText[2048], deviceText[512];
} ts_state;

static void ts_copy(char *to, size_t size, char const *from) {
	if (from == NULL) from = "";
	size_t n = strlen(from);
	if (n > size - 1) n = size - 1;
	memcpy(to, from, n);
	to[n] = 0;
}

static void ts_on_lost(int32_t reason, char const *message, void *data) {
	ts_state *s = data;
	ts_copy(s->lostText, sizeof s->lostText, message);
	s->lost = 1;
}

static void ts_on_error(int32_t kind, char const *message, void *data) {
	ts_state *s = data;
	if (kind == 0 || s->error != 0) return;
	ts_copy(s->errorText, sizeof s->errorText, message);
	s->error = kind;
}

static void ts_on_device(int32_t status, void *device, char const *message, void *data) {
	ts_state *s = data;
	s->device = status == 0 ? device : NULL;
	ts_copy(s->deviceText, sizeof s->deviceText, message);
}

static void ts_on_map(int32_t status, void *data) { ((ts_state *)data)->mapping = status; }

// ts_open makes a device with the default limits except for two.
static ts_state *ts_open(void *adapter, uint64_t buffer, uint64_t binding) {
	ts_state *s = calloc(1, sizeof *s);
	if (s == NULL) return NULL;
	ts_required_limits limits;
	memset(&limits, 0xff, sizeof limits); // the value of a limit that is left at its default
	limits.next = NULL;
	limits.limits.buffer = buffer;
	limits.limits.storageBinding = binding;
	ts_device_descriptor d;
	memset(&d, 0, sizeof d);
	d.label = "tokenselect";
	d.limits = &limits;
	d.lost = ts_on_lost;
	d.lostData = s;
	d.uncaptured.callback = ts_on_error;
	d.uncaptured.data = s;
	wgpuAdapterRequestDevice(adapter, &d, ts_on_device, s);
	return s;
}

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

	"github.com/cogentcore/webgpu/wgpu"

	"tokenselect/engine/gpu"
)

// The binding keeps wgpu-native's pointers to itself; these mirror its structs,
// and a test holds them to it.
type (
	refOnly   struct{ ref unsafe.Pointer }         // wgpu.Instance, wgpu.Adapter, wgpu.Device
	bufferRef struct{ device, ref unsafe.Pointer } // wgpu.Buffer
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
	(*refOnly)(unsafe.Pointer(i)).ref = C.ts_instance(C.uint32_t(backends))
	return i
}

// native is a device of wgpu-native with what its callbacks tell.
type native struct {
	dev   *wgpu.Device
	state *C.ts_state
}

// openNative makes a device whose buffers and storage bindings may have the
// sizes given in bytes.
func openNative(a *wgpu.Adapter, buffer, binding uint64) (native, error) {
	s := C.ts_open((*refOnly)(unsafe.Pointer(a)).ref, C.uint64_t(buffer), C.uint64_t(binding))
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

// mapRead waits for all submitted work and calls use with the first size bytes
// of b, which has the usage MapRead.
func (n native) mapRead(b *wgpu.Buffer, size int, use func([]byte)) error {
	C.ts_map(n.state, (*bufferRef)(unsafe.Pointer(b)).ref, C.size_t(size))
	// One wait ends after a minute even when the work has not.
	for n.state.mapping < 0 && n.state.error == 0 && n.state.lost == 0 {
		n.dev.Poll(true, nil)
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
