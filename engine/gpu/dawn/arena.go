//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"
	"math/bits"

	"tokenselect/engine/gpu"
)

// slot is the alignment of a dynamic offset that every WebGPU device takes.
const slot = 256

// arena is the one uniform buffer that holds the params of all dispatches of a
// submit, in slots that dispatches select by a dynamic offset.
type arena struct {
	buf      *buffer
	bytes    []byte           // the contents for the submit being made
	uniforms map[int]*uniform // by the bytes that a kernel binds
}

// uniform binds a number of bytes of the arena as binding 0.
type uniform struct {
	layout handle
	group  handle // 0 until the arena has a buffer
}

// add appends params and returns their offset.
func (a *arena) add(params []byte) uint32 {
	at := len(a.bytes)
	a.bytes = append(a.bytes, params...)
	var zeros [slot]byte
	a.bytes = append(a.bytes, zeros[:-len(params)&(slot-1)]...)
	return uint32(at)
}

func (a *arena) release(l *library) {
	for _, u := range a.uniforms {
		if u.group != 0 {
			call(l.BindGroupRelease, uintptr(u.group))
		}
		call(l.BindGroupLayoutRelease, uintptr(u.layout))
	}
	if a.buf != nil {
		a.buf.release(l)
	}
}

// uniform is the binding of size bytes, a multiple of 16.
func (d *Device) uniform(size int) (*uniform, error) {
	if u := d.arena.uniforms[size]; u != nil {
		return u, nil
	}
	layout, err := d.layout("params", []layoutEntry{{visibility: stageCompute,
		buffer: bufferLayout{kind: bindingUniform, hasDynamicOffset: 1, minBindingSize: uint64(size)}}})
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
		return fmt.Errorf("dawn: submit: %d bytes of params: %w", len(a.bytes), gpu.ErrLimit)
	}
	if a.buf == nil || len(a.bytes) > a.buf.size {
		size := max(1<<16, 1<<bits.Len(uint(len(a.bytes)-1)))
		buf, err := d.newBuffer("params", min(size, d.info.Limits.Buffer&^(slot-1)), usageUniform|usageCopyDst)
		if err != nil {
			return err
		}
		for _, u := range a.uniforms {
			if u.group != 0 {
				call(d.lib.BindGroupRelease, uintptr(u.group))
				u.group = 0
			}
		}
		if a.buf != nil {
			// Submits that still wait for it keep it alive, so it is not destroyed.
			call(d.lib.BufferRelease, uintptr(a.buf.buf))
		}
		a.buf = buf
	}
	for size, u := range a.uniforms {
		if u.group != 0 {
			continue
		}
		group, err := d.newGroup("params", u.layout, []groupEntry{{buffer: a.buf.buf, size: uint64(size)}})
		if err != nil {
			return fmt.Errorf("dawn: params of %d bytes: %w", size, err)
		}
		u.group = group
	}
	if err := d.write(a.buf, 0, a.bytes); err != nil {
		return fmt.Errorf("dawn: params: %w", err)
	}
	return nil
}
