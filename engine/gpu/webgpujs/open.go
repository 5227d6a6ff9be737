//go:build js

package webgpujs

import (
	"context"
	"fmt"
	"strings"
	"syscall/js"

	"tokenselect/engine/gpu"
)

// Options choose what Open opens.
type Options struct {
	// Timestamps makes the device measure what submits take on the GPU, where
	// it can: see [Device.Timings].
	Timestamps bool

	Without []string // features, of gpu.FeatureNames, that are not to be used
}

// host is the other half.
var host js.Value

// Open opens the GPU that the browser prefers for speed. Without one the error
// wraps gpu.ErrNoAdapter and says what to do.
func Open(ctx context.Context, o Options) (gpu.Device, error) {
	host = js.Global().Get("tokenselectGPU")
	if host.IsUndefined() {
		return nil, fmt.Errorf("webgpujs: %w: the page did not call attach of webgpu.js before it started the engine", gpu.ErrNoAdapter)
	}
	r := newRequest()
	host.Call("open", r.id, o.Timestamps, strings.Join(o.Without, ","))
	if err := r.wait(ctx); err != nil {
		delete(requests, r.id)
		host.Call("cancel", r.id)
		return nil, fmt.Errorf("webgpujs: %w", err)
	}
	v := r.take()
	if r.failed {
		return nil, fmt.Errorf("webgpujs: %w", complaint(v))
	}
	d := &Device{
		host: methods{
			newBuffer: v.Get("newBuffer"), compile: v.Get("compile"), run: v.Get("run"), write: v.Get("write"), wait: v.Get("wait"),
			takeError: v.Get("takeError"), cancel: v.Get("cancel"), importRows: v.Get("importRows"), timings: v.Get("timings"), close: v.Get("close"),
		},
		info: describe(v), pipes: map[*gpu.Kernel]*pipeline{}, bound: newGroups(),
	}
	return d, nil
}

// most is the largest buffer whose words can be counted in a list of commands.
const most = 4 * (1<<32 - 1)

// software tells by its name that an adapter runs on the CPU.
func software(name string) bool {
	name = strings.ToLower(name)
	for _, s := range []string{"swiftshader", "llvmpipe", "lavapipe", "basic render", "software"} {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}

func describe(v js.Value) gpu.Info {
	text := func(name string) string { return strings.TrimSpace(v.Get(name).String()) }
	first := func(names ...string) string {
		for _, n := range names {
			if n != "" {
				return n
			}
		}
		return ""
	}
	maker := strings.TrimSpace(text("vendor") + " " + text("architecture"))
	info := gpu.Info{
		Device: "webgpu", Kind: gpu.Unknown,
		Name:    first(text("description"), text("device"), maker, "unnamed adapter"),
		Backend: first(backends[strings.ToLower(text("backend"))], text("backend"), "WebGPU"),
		Driver:  first(text("driver"), maker),
	}
	switch strings.ToLower(text("type")) {
	case "discrete gpu":
		info.Kind = gpu.Discrete
	case "integrated gpu":
		info.Kind = gpu.Integrated
	case "cpu":
		info.Kind = gpu.Software
	}
	if v.Get("fallback").Bool() || software(strings.Join([]string{info.Name, info.Driver, maker, text("device")}, " ")) {
		info.Kind = gpu.Software
	}
	limits := v.Get("limits")
	limit := func(name string) int { return int(min(limits.Get(name).Float(), most)) &^ 3 }
	info.Limits = gpu.Limits{
		Buffer:  limit("maxBufferSize"),
		Binding: min(limit("maxStorageBufferBindingSize"), limit("maxBufferSize")),
		Shared:  limit("maxComputeWorkgroupStorageSize"),
	}
	info.Features = features(v)
	return info
}

// features are those of the device that v describes.
func features(v js.Value) (f gpu.Features) {
	list := func(name string) (items []js.Value) {
		for i := range v.Get(name).Length() {
			items = append(items, v.Get(name).Index(i))
		}
		return items
	}
	has := map[string]bool{}
	for _, name := range list("features") {
		has[name.String()] = true
	}
	f.Float16, f.PackedDot = has[gpu.FeatureFloat16], has[gpu.FeaturePackedDot]
	if size := v.Get("subgroups"); has[gpu.FeatureSubgroups] {
		f.Subgroups = gpu.Subgroups{Least: size.Index(0).Int(), Most: size.Index(1).Int()}
	}
	if has[gpu.FeatureMatrices] {
		for _, m := range list("matrices") {
			f.Matrices = append(f.Matrices, gpu.Matrices{Input: gpu.Scalar(m.Get("input").String()), Result: gpu.Scalar(m.Get("result").String()),
				M: m.Get("m").Int(), N: m.Get("n").Int(), K: m.Get("k").Int()})
		}
	}
	return f
}

var backends = map[string]string{"vulkan": "Vulkan", "metal": "Metal", "d3d12": "D3D12", "d3d11": "D3D11", "opengl": "GL", "opengles": "GL"}
