//go:build !js && cgo && !gowebgpu

package wgpunative

/*
#include "callbacks.h"

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

extern uint32_t wgpuAdapterHasFeature(void *adapter, uint32_t feature);
extern void wgpuAdapterRequestDevice(void *adapter, ts_device_descriptor const *descriptor,
	void (*callback)(int32_t status, void *device, char const *message, void *data), void *data);

// ts_open makes a device with the default limits except for three: bytes of a buffer,
// of a storage binding and of workgroup memory. It takes timestamps if the adapter does.
static ts_state *ts_open(void *adapter, uint64_t buffer, uint64_t binding, uint32_t shared) {
	ts_state *s = calloc(1, sizeof *s);
	if (s == NULL) return NULL;
	ts_required_limits limits;
	memset(&limits, 0xff, sizeof limits); // the value of a limit that is left at its default
	limits.next = NULL;
	limits.limits.buffer = buffer;
	limits.limits.storageBinding = binding;
	limits.limits.workgroup[0] = shared;
	ts_device_descriptor d;
	memset(&d, 0, sizeof d);
	d.label = "tokenselect";
	uint32_t timestamps = 3; // WGPUFeatureName_TimestampQuery
	if (wgpuAdapterHasFeature(adapter, timestamps)) {
		d.featureCount = 1;
		d.features = &timestamps;
	}
	d.limits = &limits;
	d.lost = ts_on_lost;
	d.lostData = s;
	d.uncaptured.callback = ts_on_error;
	d.uncaptured.data = s;
	wgpuAdapterRequestDevice(adapter, &d, ts_on_device, s);
	return s;
}
*/
import "C"

import "unsafe"

func createInstance(backends uint32) unsafe.Pointer { return C.ts_instance(C.uint32_t(backends)) }

// requestDevice makes a device with the default limits except for three. Without
// memory it returns nil; without a device, a state that has none.
func requestDevice(adapter unsafe.Pointer, buffer, binding uint64, shared uint32) *C.ts_state {
	return C.ts_open(adapter, C.uint64_t(buffer), C.uint64_t(binding), C.uint32_t(shared))
}
