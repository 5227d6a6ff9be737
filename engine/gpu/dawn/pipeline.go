//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// pipeline is a compiled kernel.
type pipeline struct {
	compute handle
	layout  handle // of group 0, the storage buffers
	params  int    // bytes bound as group 1, 0: none
}

func (p *pipeline) release(l *library) {
	call(l.ComputePipelineRelease, uintptr(p.compute))
	call(l.BindGroupLayoutRelease, uintptr(p.layout))
}

// pipeline compiles k, or returns it as compiled before.
func (d *Device) pipeline(k *gpu.Kernel) (*pipeline, error) {
	if p := d.pipelines[k]; p != nil {
		return p, nil
	}
	if len(k.Bindings) > maxBindings {
		return nil, fmt.Errorf("dawn: kernel %s: %d bindings, expected at most %d: %w", k.Name, len(k.Bindings), maxBindings, gpu.ErrLimit)
	}
	shader := k.Shaders(d.info)[0]
	src, err := shader.WGSL()
	if err != nil {
		return nil, fmt.Errorf("dawn: kernel %s: %w", shader.Name, err)
	}
	p, err := d.compile(k, src.Text)
	if err != nil {
		return nil, shaderError(k, src, err)
	}
	d.pipelines[k] = p
	return p, nil
}

func (d *Device) compile(k *gpu.Kernel, text string) (*pipeline, error) {
	var pinned pins
	defer pinned.Unpin()
	label := pinned.text(k.Name)
	source := &shaderSource{chain: chained{sType: sTypeShaderSource}, code: pinned.text(text)}
	pinned.Pin(source)
	module, err := d.object(d.lib.DeviceCreateShaderModule, d.lib.ShaderModuleRelease,
		pin(&pinned, &shaderModuleDescriptor{next: source, label: label}))
	if err != nil {
		return nil, err
	}
	defer call(d.lib.ShaderModuleRelease, uintptr(module))

	p := &pipeline{params: (k.Params + 15) &^ 15}
	entries := make([]layoutEntry, len(k.Bindings))
	for i, b := range k.Bindings {
		kind := uint32(bindingReadOnlyStorage)
		if b.Access == gpu.ReadWrite {
			kind = bindingStorage
		}
		entries[i] = storageEntry(uint32(i), kind)
	}
	if p.layout, err = d.layout(k.Name, entries); err != nil {
		return nil, err
	}
	p.compute, err = d.computePipeline(&pinned, p, label, module)
	if err != nil {
		call(d.lib.BindGroupLayoutRelease, uintptr(p.layout))
		return nil, err
	}
	return p, nil
}

func (d *Device) computePipeline(pinned *pins, p *pipeline, label stringView, module handle) (handle, error) {
	layouts := []handle{p.layout}
	if p.params > 0 {
		u, err := d.uniform(p.params)
		if err != nil {
			return 0, err
		}
		layouts = append(layouts, u.layout)
	}
	layout, err := d.object(d.lib.DeviceCreatePipelineLayout, d.lib.PipelineLayoutRelease,
		pin(pinned, &listDescriptor{label: label, count: uintptr(len(layouts)), list: arrayAt(pinned, layouts)}))
	if err != nil {
		return 0, err
	}
	defer call(d.lib.PipelineLayoutRelease, uintptr(layout))
	return d.object(d.lib.DeviceCreateComputePipeline, d.lib.ComputePipelineRelease,
		pin(pinned, &computePipelineDescriptor{label: label, layout: layout, module: module, entryPoint: pinned.text("main")}))
}

// object makes an object of a descriptor, or gives it back and says why it is
// none.
func (n *native) object(create, release, descriptor uintptr) (handle, error) {
	var made handle
	err := n.made(func() { made = handle(call(create, uintptr(n.device), descriptor)) })
	if err != nil {
		n.releaseObject(release, made)
		return 0, err
	}
	return made, nil
}

// releaseObject gives back an object, if there is one.
func (n *native) releaseObject(release uintptr, object handle) {
	if object != 0 {
		call(release, uintptr(object))
	}
}
