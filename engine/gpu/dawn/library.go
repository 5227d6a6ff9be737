//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/ebitengine/purego"

	"tokenselect/engine/gpu"
)

// library is Dawn, loaded. It is never unloaded: its threads may outlive the
// last device.
type library struct {
	path string
	functions
}

// functions are the addresses of what is called. A field is the function of its
// name behind "wgpu".
type functions struct {
	CreateInstance, InstanceRelease, InstanceRequestAdapter, InstanceWaitAny uintptr

	InstanceHasWGSLLanguageFeature, AdapterPropertiesSubgroupMatrixConfigsFreeMembers uintptr

	AdapterGetInfo, AdapterInfoFreeMembers, AdapterGetLimits, AdapterGetFeatures uintptr
	SupportedFeaturesFreeMembers, AdapterRequestDevice, AdapterRelease           uintptr

	DeviceGetQueue, DeviceGetLimits, DeviceDestroy, DeviceRelease, DevicePushErrorScope, DevicePopErrorScope uintptr

	DeviceCreateBuffer, BufferMapAsync, BufferGetConstMappedRange, BufferUnmap, BufferDestroy, BufferRelease uintptr

	DeviceCreateShaderModule, ShaderModuleRelease, DeviceCreateBindGroupLayout, BindGroupLayoutRelease     uintptr
	DeviceCreatePipelineLayout, PipelineLayoutRelease, DeviceCreateComputePipeline, ComputePipelineRelease uintptr
	DeviceCreateBindGroup, BindGroupRelease                                                                uintptr

	DeviceCreateCommandEncoder, CommandEncoderBeginComputePass, CommandEncoderCopyBufferToBuffer              uintptr
	CommandEncoderFinish, CommandEncoderRelease, CommandBufferRelease                                         uintptr
	ComputePassEncoderSetPipeline, ComputePassEncoderSetBindGroup, ComputePassEncoderDispatchWorkgroups       uintptr
	ComputePassEncoderEnd, ComputePassEncoderRelease, QueueSubmit, QueueWriteBuffer, QueueOnSubmittedWorkDone uintptr
	QueueRelease, DeviceCreateQuerySet, QuerySetRelease, CommandEncoderResolveQuerySet                        uintptr

	GetInstanceCapabilities uintptr // 0 in newer versions
}

// optional are those that may be missing.
var optional = []string{"GetInstanceCapabilities", "InstanceHasWGSLLanguageFeature", "AdapterPropertiesSubgroupMatrixConfigsFreeMembers"}

var (
	loading sync.Mutex
	loaded  = map[string]*library{}
)

// load finds Dawn and loads it, once.
func load(asked string) (*library, error) {
	loading.Lock()
	defer loading.Unlock()
	places := candidates(asked)
	var reasons []string
	for _, path := range places.paths {
		l, err := loadFile(path)
		if err == nil {
			return l, nil
		}
		if !missing(path) {
			reasons = append(reasons, oneLine(err.Error()))
		}
	}
	why := ""
	if len(reasons) > 0 {
		why = " (" + strings.Join(reasons, "; ") + ")"
	}
	return nil, fmt.Errorf("dawn: %w: Dawn's library was not found: looked for %s%s; %s", gpu.ErrNoAdapter, places.text, why, advice())
}

// missing tells whether path names a file that does not exist; a bare name is
// looked for by the system, which does not say.
func missing(path string) bool {
	if !strings.ContainsRune(path, filepath.Separator) {
		return true
	}
	_, err := os.Stat(path)
	return err != nil
}

func loadFile(path string) (*library, error) {
	if l := loaded[path]; l != nil {
		return l, nil
	}
	h, err := openLibrary(path)
	if err != nil {
		return nil, err
	}
	l := &library{path: path}
	v := reflect.ValueOf(&l.functions).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		address, err := symbol(h, "wgpu"+name)
		if (err != nil || address == 0) && !slices.Contains(optional, name) {
			return nil, fmt.Errorf("%s has no wgpu%s: it is no Dawn, or of a version that this program does not know", path, name)
		}
		v.Field(i).SetUint(uint64(address))
	}
	l.path = loadedFrom(path, l.CreateInstance)
	loaded[path] = l
	return l, nil
}

// call calls a function of the library with integers and with addresses that a
// pins holds in place.
func call(f uintptr, args ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(f, args...)
	return r
}
