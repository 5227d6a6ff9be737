//go:build !js && cgo

package wgpunative

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// Name is how the device is named on the command line: "wgpu", and "gowebgpu" in
// a build with that tag.
const Name = wgpu.Name

func init() { wgpu.Silence() }

// rank orders kinds of adapter, best first.
var rank = map[gpu.Kind]int{gpu.Discrete: 0, gpu.Integrated: 1, gpu.Virtual: 2, gpu.Unknown: 3, gpu.Software: 4}

// Adapters lists what Open can open, best first: discrete, integrated and
// virtual GPUs, then software. No device is made. Where there is none, the list
// is empty and the error nil.
func Adapters() ([]Adapter, error) {
	instance := newInstance()
	defer instance.Release()
	var list []Adapter
	for _, f := range find(instance) {
		list = append(list, Adapter{f.info})
		f.adapter.Release()
	}
	return list, nil
}

type found struct {
	adapter *wgpu.Adapter
	info    gpu.Info
}

func find(instance *wgpu.Instance) []found {
	var list []found
	for _, a := range instance.EnumerateAdapters(&wgpu.InstanceEnumerateAdapterOptons{Backends: backends}) {
		list = append(list, found{a, describe(a)})
	}
	slices.SortStableFunc(list, func(a, b found) int { return rank[a.info.Kind] - rank[b.info.Kind] })
	return list
}

// A size no buffer has: some drivers offer 2^64-1, which means "default" in a
// request.
const hugeBuffer = 1 << 40

func describe(a *wgpu.Adapter) gpu.Info {
	name, driver, kind, backend := wgpu.Describe(a)
	have := a.GetLimits().Limits
	info := gpu.Info{
		Device: Name, Name: name, Kind: gpu.Unknown, Driver: cmp.Or(driver, wgpu.Library),
		Limits: gpu.Limits{
			Buffer:  clamp(have.MaxBufferSize),
			Binding: clamp(min(have.MaxStorageBufferBindingSize, have.MaxBufferSize)),
			Shared:  int(have.MaxComputeWorkgroupStorageSize),
		},
	}
	switch kind {
	case wgpu.AdapterTypeDiscreteGPU:
		info.Kind = gpu.Discrete
	case wgpu.AdapterTypeIntegratedGPU:
		info.Kind = gpu.Integrated
	case wgpu.AdapterTypeCPU:
		info.Kind = gpu.Software
	}
	switch backend {
	case wgpu.BackendTypeVulkan:
		info.Backend = "Vulkan"
	case wgpu.BackendTypeMetal:
		info.Backend = "Metal"
	case wgpu.BackendTypeD3D12:
		info.Backend = "D3D12"
	default:
		info.Backend = backend.String()
	}
	return info
}

// clamp makes a limit an int that a multiple of 4 can reach.
func clamp(limit uint64) int {
	return int(min(limit, hugeBuffer, uint64(^uint(0)>>1))) &^ 3
}

// Open opens an adapter. Without one the error wraps gpu.ErrNoAdapter and says
// what to install.
func Open(o Options) (gpu.Device, error) {
	instance := newInstance()
	list := find(instance)
	defer func() {
		for _, f := range list {
			f.adapter.Release()
		}
		instance.Release()
	}()
	switch {
	case len(list) == 0:
		return nil, fmt.Errorf("wgpunative: %w: %s", gpu.ErrNoAdapter, advice[runtime.GOOS])
	case o.Adapter < -1 || o.Adapter >= len(list):
		return nil, fmt.Errorf("wgpunative: adapter %d, expected 0 to %d or -1 for the best: %w", o.Adapter, len(list)-1, gpu.ErrNoAdapter)
	}
	best := list[max(o.Adapter, 0)]
	n, err := openNative(best.adapter, uint64(best.info.Limits.Buffer), uint64(best.info.Limits.Binding), uint32(best.info.Limits.Shared))
	if err != nil {
		return nil, err
	}
	return newDevice(n, best.info), nil
}

// advice is what to do about a system without adapters.
var advice = map[string]string{
	"linux": "no Vulkan driver was found; install the Vulkan loader (libvulkan1) and the driver of the GPU, or mesa-vulkan-drivers for one that runs on the CPU; " +
		"if one is installed, VK_DRIVER_FILES can name its .json file",
	"windows": "no Direct3D 12 or Vulkan driver was found; install the driver of the GPU's maker",
	"darwin":  "no GPU with Metal was found",
}
