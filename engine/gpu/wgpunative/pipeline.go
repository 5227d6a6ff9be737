//go:build !js && cgo

package wgpunative

import (
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// maxBindings is the number of storage buffers that every WebGPU device lets a
// kernel see.
const maxBindings = 8

// pipeline is a compiled kernel.
type pipeline struct {
	compute *wgpu.ComputePipeline
	layout  *wgpu.BindGroupLayout // of group 0, the storage buffers
	params  int                   // bytes bound as group 1, 0: none
}

func (p *pipeline) release() {
	p.compute.Release()
	p.layout.Release()
}

// pipeline compiles k, or returns it as compiled before.
func (d *Device) pipeline(k *gpu.Kernel) (*pipeline, error) {
	if p := d.pipelines[k]; p != nil {
		return p, nil
	}
	p, err := d.compile(k)
	if err != nil {
		return nil, err
	}
	d.pipelines[k] = p
	return p, nil
}

func (d *Device) compile(k *gpu.Kernel) (*pipeline, error) {
	if len(k.Bindings) > maxBindings {
		return nil, fmt.Errorf("wgpunative: kernel %s: %d bindings, expected at most %d: %w", k.Name, len(k.Bindings), maxBindings, gpu.ErrLimit)
	}
	src, err := k.Shaders(d.info)[0].WGSL()
	if err != nil {
		return nil, fmt.Errorf("wgpunative: kernel %s: %w", k.Name, err)
	}
	if src.Text == "" {
		// wgpu-native reads from a null pointer when there is no text.
		return nil, &gpu.ShaderError{Kernel: k.Name, Message: "the WGSL text is empty"}
	}
	module, err := d.dev.CreateShaderModule(&wgpu.ShaderModuleDescriptor{
		Label: k.Name, WGSLDescriptor: &wgpu.ShaderModuleWGSLDescriptor{Code: src.Text},
	})
	if err != nil {
		return nil, d.shaderError(k, src, err)
	}
	defer module.Release()

	p := &pipeline{params: (k.Params + 15) &^ 15}
	entries := make([]wgpu.BindGroupLayoutEntry, len(k.Bindings))
	for i, b := range k.Bindings {
		kind := wgpu.BufferBindingTypeReadOnlyStorage
		if b.Access == gpu.ReadWrite {
			kind = wgpu.BufferBindingTypeStorage
		}
		entries[i] = wgpu.BindGroupLayoutEntry{Binding: uint32(i), Visibility: wgpu.ShaderStageCompute, Buffer: wgpu.BufferBindingLayout{Type: kind}}
	}
	p.layout, err = d.dev.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Label: k.Name, Entries: entries})
	if err != nil {
		return nil, d.shaderError(k, src, err)
	}
	layouts := []*wgpu.BindGroupLayout{p.layout}
	if p.params > 0 {
		u, err := d.uniform(p.params)
		if err != nil {
			p.layout.Release()
			return nil, d.shaderError(k, src, err)
		}
		layouts = append(layouts, u.layout)
	}
	layout, err := d.dev.CreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{Label: k.Name, BindGroupLayouts: layouts})
	if err != nil {
		p.layout.Release()
		return nil, d.shaderError(k, src, err)
	}
	defer layout.Release()
	p.compute, err = d.dev.CreateComputePipeline(&wgpu.ComputePipelineDescriptor{
		Label: k.Name, Layout: layout, Compute: wgpu.ProgrammableStageDescriptor{Module: module, EntryPoint: "main"},
	})
	if failed := d.raw(err); failed != nil {
		if err == nil {
			p.compute.Release()
		}
		p.layout.Release()
		return nil, d.shaderError(k, src, failed)
	}
	return p, nil
}

// groupKey is what a bind group depends on.
type groupKey struct {
	kernel *gpu.Kernel
	ranges [maxBindings]boundRange
}

type boundRange struct {
	buf          *buffer
	offset, size int
}

type group struct {
	bind *wgpu.BindGroup
	used int // the last submit that used it
}

// group is the bind group of k over ranges.
func (d *Device) group(k *gpu.Kernel, p *pipeline, ranges []gpu.Range) (*wgpu.BindGroup, error) {
	key := groupKey{kernel: k}
	for i, r := range ranges {
		h, err := d.handle(r.Buffer)
		if err != nil {
			return nil, fmt.Errorf("wgpunative: kernel %s: binding %s: %w", k.Name, k.Bindings[i].Name, err)
		}
		if r.Size > d.info.Limits.Binding {
			return nil, fmt.Errorf("wgpunative: kernel %s: binding %s: %d bytes of %s, %s takes at most %d: %w", k.Name, k.Bindings[i].Name, r.Size, r.Buffer.Label, d.info.Name, d.info.Limits.Binding, gpu.ErrLimit)
		}
		key.ranges[i] = boundRange{h, r.Offset, r.Size}
	}
	if g := d.groups[key]; g != nil {
		g.used = d.submits
		return g.bind, nil
	}
	entries := make([]wgpu.BindGroupEntry, len(ranges))
	for i, r := range key.ranges[:len(ranges)] {
		entries[i] = wgpu.BindGroupEntry{Binding: uint32(i), Buffer: r.buf.buf, Offset: uint64(r.offset), Size: uint64(r.size)}
	}
	bind, err := d.dev.CreateBindGroup(&wgpu.BindGroupDescriptor{Label: k.Name, Layout: p.layout, Entries: entries})
	if err != nil {
		return nil, fmt.Errorf("wgpunative: kernel %s: %w", k.Name, d.check(err))
	}
	d.groups[key] = &group{bind, d.submits}
	return bind, nil
}

// dropGroups forgets the bind groups that have b.
func (d *Device) dropGroups(b *buffer) {
	for key, g := range d.groups {
		for _, r := range key.ranges {
			if r.buf == b {
				g.bind.Release()
				delete(d.groups, key)
				break
			}
		}
	}
}

// trimGroups forgets bind groups that have not been used for a while: ranges
// that grow with the sequence are never bound again.
func (d *Device) trimGroups() {
	if len(d.groups) <= d.groupsMax {
		return
	}
	for key, g := range d.groups {
		if g.used < d.submits-64 {
			g.bind.Release()
			delete(d.groups, key)
		}
	}
	d.groupsMax = max(d.groupsMax, 2*len(d.groups))
}
