//go:build !js && cgo

package wgpunative

import (
	"fmt"
	"math/bits"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// slot is the alignment of a dynamic offset that every WebGPU device takes.
const slot = 256

// arena is the one uniform buffer that holds the params of all dispatches of a
// submit, in slots that dispatches select by a dynamic offset.
type arena struct {
	buf      *wgpu.Buffer
	size     int
	bytes    []byte           // the contents for the submit being made
	uniforms map[int]*uniform // by the bytes that a kernel binds
	offset   []uint32         // the argument of a call, kept for its memory
}

// uniform binds a number of bytes of the arena as binding 0.
type uniform struct {
	layout *wgpu.BindGroupLayout
	group  *wgpu.BindGroup // nil until the arena has a buffer
}

// add appends params and returns their offset.
func (a *arena) add(params []byte) uint32 {
	at := len(a.bytes)
	a.bytes = append(a.bytes, params...)
	var zeros [slot]byte
	a.bytes = append(a.bytes, zeros[:-len(params)&(slot-1)]...)
	return uint32(at)
}

func (a *arena) release() {
	for _, u := range a.uniforms {
		if u.group != nil {
			u.group.Release()
		}
		u.layout.Release()
	}
	if a.buf != nil {
		a.buf.Release()
	}
}

// uniform is the binding of size bytes, a multiple of 16.
func (d *Device) uniform(size int) (*uniform, error) {
	if u := d.arena.uniforms[size]; u != nil {
		return u, nil
	}
	layout, err := d.dev.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{
		Label: "params",
		Entries: []wgpu.BindGroupLayoutEntry{{
			Visibility: wgpu.ShaderStageCompute,
			Buffer:     wgpu.BufferBindingLayout{Type: wgpu.BufferBindingTypeUniform, HasDynamicOffset: true, MinBindingSize: uint64(size)},
		}},
	})
	if err != nil {
		return nil, err
	}
	u := &uniform{layout: layout}
	d.arena.uniforms[size] = u
	return u, nil
}

// writeParams puts the params of a submit into the arena. One buffer serves all
// submits, though earlier ones may still be waiting to run: WebGPU's queue runs
// a write after everything that was submitted before it and before everything
// that is submitted after it.
func (d *Device) writeParams() error {
	a := &d.arena
	if len(a.bytes) == 0 {
		return nil
	}
	if len(a.bytes) > min(d.info.Limits.Buffer, 1<<31) {
		return fmt.Errorf("wgpunative: submit: %d bytes of params: %w", len(a.bytes), gpu.ErrLimit)
	}
	if len(a.bytes) > a.size {
		size := max(1<<16, 1<<bits.Len(uint(len(a.bytes)-1)))
		size = min(size, d.info.Limits.Buffer&^(slot-1))
		buf, err := d.newBuffer("params", size, wgpu.BufferUsageUniform|wgpu.BufferUsageCopyDst)
		if err != nil {
			return err
		}
		for _, u := range a.uniforms {
			if u.group != nil {
				u.group.Release()
				u.group = nil
			}
		}
		if a.buf != nil {
			a.buf.Release() // submits that still wait for it keep it alive
		}
		a.buf, a.size = buf, size
	}
	for size, u := range a.uniforms {
		if u.group != nil {
			continue
		}
		group, err := d.dev.CreateBindGroup(&wgpu.BindGroupDescriptor{
			Label: "params", Layout: u.layout,
			Entries: []wgpu.BindGroupEntry{{Buffer: a.buf, Size: uint64(size)}},
		})
		if err != nil {
			return fmt.Errorf("wgpunative: params of %d bytes: %w", size, d.check(err))
		}
		u.group = group
	}
	if err := d.check(d.queue.WriteBuffer(a.buf, 0, a.bytes)); err != nil {
		return fmt.Errorf("wgpunative: params: %w", err)
	}
	return nil
}
