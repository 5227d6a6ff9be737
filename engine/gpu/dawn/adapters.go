//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"tokenselect/engine/gpu"
)

// rank orders kinds of adapter, best first.
var rank = map[gpu.Kind]int{gpu.Discrete: 0, gpu.Integrated: 1, gpu.Virtual: 2, gpu.Unknown: 3, gpu.Software: 4}

// A backend is a driver interface that Dawn works on.
type backend uint32

const nullBackend backend = 1

func (b backend) String() string {
	names := []string{"Undefined", "Null", "WebGPU", "D3D11", "D3D12", "Metal", "Vulkan", "OpenGL", "OpenGLES"}
	if int(b) < len(names) {
		return names[b]
	}
	return fmt.Sprintf("backend %d", uint32(b))
}

// backends are those asked for, each by name: Dawn that may choose falls back to
// its Null backend, which runs nothing.
var backends = map[string][]backend{
	"linux":   {6}, // Vulkan
	"darwin":  {5}, // Metal
	"windows": {4, 6},
}[runtime.GOOS]

// Adapters lists what Open can open, best first: discrete, integrated and
// virtual GPUs, then software. No device is made. Where there is none, the list
// is empty and the error nil; without Dawn's library, which is looked for as
// Options.Library says, the error wraps gpu.ErrNoAdapter.
func Adapters(lib string) ([]Adapter, error) {
	l, err := load(lib)
	if err != nil {
		return nil, err
	}
	n, err := newNative(l)
	if err != nil {
		return nil, err
	}
	defer n.release()
	defer quiet()()
	found, _ := n.find()
	var list []Adapter
	for _, f := range found {
		list = append(list, Adapter{f.info, l.path, n.features(f.adapter)})
		call(l.AdapterRelease, uintptr(f.adapter))
	}
	return list, nil
}

// infoMembers are the bytes of adapterInfo that all versions have.
const infoMembers = 96

type found struct {
	adapter handle
	id      [4]any // what tells adapters apart
	info    gpu.Info
}

// find asks for adapters in all ways that may give different ones: the API gives
// one at a time. Why it gave none comes with the list.
func (n *native) find() (list []found, why error) {
	const low, high = 1, 2
	for _, b := range backends {
		for _, o := range []requestAdapterOptions{{powerPreference: high}, {powerPreference: low}, {forceFallbackAdapter: 1}} {
			o.featureLevel, o.backendType = levelCore, uint32(b)
			f, err := n.requestBest(o)
			switch {
			case err != nil:
				why = cmp.Or(why, err)
			case slices.ContainsFunc(list, func(g found) bool { return g.id == f.id }):
				call(n.lib.AdapterRelease, uintptr(f.adapter))
			default:
				list = append(list, f)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b found) int { return rank[a.info.Kind] - rank[b.info.Kind] })
	return list, why
}

// requestBest asks for one adapter with Dawn's features for matrices, and where
// it has them not, for one as it comes.
func (n *native) requestBest(o requestAdapterOptions) (found, error) {
	f, err := n.request(o, matrixToggles)
	if err == nil && f.info.Features.Float16 && len(f.info.Features.Matrices) > 0 {
		return f, nil
	}
	if err == nil {
		call(n.lib.AdapterRelease, uintptr(f.adapter))
	}
	return n.request(o, nil)
}

// request asks for one adapter, which must be of the backend asked for.
func (n *native) request(o requestAdapterOptions, enabled []string) (found, error) {
	var p pins
	defer p.Unpin()
	o.next = p.toggles(enabled)
	asked := backend(o.backendType)
	status, adapter, text, err := n.await(context.Background(), n.lib.InstanceRequestAdapter, n.calls.object, uintptr(n.instance), pin(&p, &o))
	if err != nil {
		return found{}, err
	}
	if status != statusSuccess || adapter == 0 {
		return found{}, fmt.Errorf("%s: %s", asked, cmp.Or(plain(text), "no adapter"))
	}
	f, real := n.describe(adapter)
	switch {
	case real == nullBackend:
		err = fmt.Errorf("adapter %q is refused: it is Dawn's Null adapter, which runs nothing", f.info.Name)
	case real != asked:
		err = fmt.Errorf("adapter %q of backend %s is refused: %s was asked for", f.info.Name, real, asked)
	}
	if err != nil {
		call(n.lib.AdapterRelease, uintptr(adapter))
		return found{}, err
	}
	return f, nil
}

func (n *native) describe(adapter handle) (found, backend) {
	var p pins
	defer p.Unpin()
	about := &adapterInfo{}
	call(n.lib.AdapterGetInfo, uintptr(adapter), pin(&p, about))
	text := func(s cString) string { return strings.TrimSpace(goString(s.data, s.length)) }
	name, driver := text(about.device), text(about.description)
	info := gpu.Info{
		Device: "dawn", Name: cmp.Or(name, driver, text(about.vendor), "unnamed adapter"), Kind: gpu.Unknown,
		Backend: backend(about.backendType).String(), Driver: driver,
	}
	switch about.adapterType {
	case 1:
		info.Kind = gpu.Discrete
	case 2:
		info.Kind = gpu.Integrated
	case 3:
		info.Kind = gpu.Software
	}
	have := &limits{}
	call(n.lib.AdapterGetLimits, uintptr(adapter), pin(&p, have))
	// Of a library that does not say, WebGPU's minimum.
	buffer, binding := cmp.Or(have.buffer, 256<<20), cmp.Or(have.storageBinding, 128<<20)
	info.Limits = gpu.Limits{
		Buffer:  clamp(buffer),
		Binding: clamp(min(binding, buffer)),
		Shared:  int(cmp.Or(have.workgroupStorage, 16<<10)),
	}
	info.Features = n.kernelFeatures(adapter, about)
	id := [4]any{about.backendType, about.vendorID, about.deviceID, info.Name}
	call(n.lib.AdapterInfoFreeMembers, withStruct(nil, unsafe.Pointer(about), infoMembers)...)
	return found{adapter, id, info}, backend(about.backendType)
}

// hugeBuffer is a size no buffer has: some drivers offer 2^64-1.
const hugeBuffer = 1 << 40

// clamp makes a limit an int that a multiple of 4 can reach.
func clamp(limit uint64) int { return int(min(limit, hugeBuffer)) &^ 3 }

// Open opens an adapter. Without the library or an adapter the error wraps
// gpu.ErrNoAdapter and says what to get.
func Open(o Options) (gpu.Device, error) {
	l, err := load(o.Library)
	if err != nil {
		return nil, err
	}
	n, err := newNative(l)
	if err != nil {
		return nil, err
	}
	defer quiet()()
	list, why := n.find()
	defer func() {
		for _, f := range list {
			call(l.AdapterRelease, uintptr(f.adapter))
		}
	}()
	switch {
	case len(list) == 0:
		err = fmt.Errorf("dawn: %w: %w; %s (Dawn: %s)", gpu.ErrNoAdapter, why, driverAdvice[runtime.GOOS], l.path)
	case o.Adapter < -1 || o.Adapter >= len(list):
		err = fmt.Errorf("dawn: adapter %d, expected 0 to %d or -1 for the best: %w", o.Adapter, len(list)-1, gpu.ErrNoAdapter)
	default:
		best := list[max(o.Adapter, 0)]
		best.info.Features = best.info.Features.Without(o.Without)
		if err = n.open(best); err == nil {
			return newDevice(n, best.info), nil
		}
		if !errors.Is(err, gpu.ErrOutOfMemory) {
			err = fmt.Errorf("%w: %w", gpu.ErrNoAdapter, err)
		}
		err = fmt.Errorf("dawn: %s gives no device: %w", best.info.Name, err)
	}
	n.release()
	return nil, err
}

// quiet keeps a layer of Mesa from asking the desktop which GPU it prefers:
// where there is no desktop it complains on stderr, once for each way to reach
// one. The function that it returns ends that.
func quiet() func() {
	const desktop, layer = "XDG_RUNTIME_DIR", "NODEVICE_SELECT"
	if _, set := os.LookupEnv(layer); set || os.Getenv(desktop) != "" {
		return func() {}
	}
	os.Setenv(layer, "1")
	return func() { os.Unsetenv(layer) }
}

// driverAdvice is what to do about a system without adapters.
var driverAdvice = map[string]string{
	"linux": "Dawn needs a Vulkan driver: install the Vulkan loader (libvulkan1) and the driver of the GPU; " +
		"one that runs on the CPU comes with Chromium, and with Mesa from version 25 on; VK_DRIVER_FILES can name a driver's .json file",
	"windows": "install the driver of the GPU's maker",
	"darwin":  "no GPU with Metal was found",
}
