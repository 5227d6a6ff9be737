//go:build !js && cgo

package wgpunative

import (
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// buffer is the Handle of a gpu.Buffer. It is comparable and, unlike the
// gpu.Buffer, changes with every allocation.
type buffer struct {
	dev *Device
	buf *wgpu.Buffer
}

func (b *buffer) release() {
	b.buf.Destroy()
	b.buf.Release()
}

// NewBuffer makes a buffer of zeros.
func (d *Device) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if err := d.usable(); err != nil {
		return nil, fmt.Errorf("wgpunative: buffer %s: %w", label, err)
	}
	if size <= 0 || size%4 != 0 {
		return nil, fmt.Errorf("wgpunative: buffer %s: %d bytes, expected a positive multiple of 4", label, size)
	}
	if size > d.info.Limits.Buffer {
		return nil, fmt.Errorf("wgpunative: buffer %s: %d bytes, %s takes at most %d: %w", label, size, d.info.Name, d.info.Limits.Buffer, gpu.ErrLimit)
	}
	buf, err := d.newBuffer(label, size, wgpu.BufferUsageStorage|wgpu.BufferUsageCopySrc|wgpu.BufferUsageCopyDst)
	if err != nil {
		return nil, err
	}
	b := &buffer{d, buf}
	d.buffers[b] = true
	return &gpu.Buffer{Label: label, Size: size, Handle: b}, nil
}

func (d *Device) newBuffer(label string, size int, usage wgpu.BufferUsage) (*wgpu.Buffer, error) {
	buf, err := d.dev.CreateBuffer(&wgpu.BufferDescriptor{Label: label, Usage: usage, Size: uint64(size)})
	if failed := d.check(err); failed != nil {
		if err == nil {
			buf.Release()
		}
		return nil, fmt.Errorf("wgpunative: buffer %s: %d bytes: %w", label, size, failed)
	}
	return buf, nil
}

// Free gives the memory of b back once submitted work is done with it.
func (d *Device) Free(b *gpu.Buffer) {
	if b == nil {
		return
	}
	h, ok := b.Handle.(*buffer)
	if !ok || !d.buffers[h] {
		return
	}
	b.Handle = nil
	delete(d.buffers, h)
	d.dropGroups(h)
	h.release()
}

// handle is the buffer behind b, or an error that says why there is none.
func (d *Device) handle(b *gpu.Buffer) (*buffer, error) {
	h, ok := b.Handle.(*buffer)
	switch {
	case !ok || h.dev == d && !d.buffers[h]:
		return nil, fmt.Errorf("buffer %s has been freed", b.Label)
	case h.dev != d:
		return nil, fmt.Errorf("buffer %s belongs to another device", b.Label)
	}
	return h, nil
}

// part is the buffer behind b if it has n bytes at offset.
func (d *Device) part(what string, b *gpu.Buffer, offset, n int) (*buffer, error) {
	if err := d.usable(); err != nil {
		return nil, fmt.Errorf("wgpunative: %s %s: %w", what, b.Label, err)
	}
	h, err := d.handle(b)
	if err != nil {
		return nil, fmt.Errorf("wgpunative: %s %s: %w", what, b.Label, err)
	}
	if offset%4 != 0 || n%4 != 0 || offset < 0 || offset > b.Size-n {
		return nil, fmt.Errorf("wgpunative: %s %s: bytes %d to %d, expected multiples of 4 within %d", what, b.Label, offset, offset+n, b.Size)
	}
	return h, nil
}

// Transfers are cut into pieces of transfer bytes, as the driver keeps a copy
// of each.
const transfer = 32 << 20

// Write copies data into b.
func (d *Device) Write(b *gpu.Buffer, offset int, data []byte) error {
	h, err := d.part("write to", b, offset, len(data))
	if err != nil {
		return err
	}
	for len(data) > 0 {
		n := min(len(data), transfer)
		if err := d.check(d.queue.WriteBuffer(h.buf, uint64(offset), data[:n])); err != nil {
			return fmt.Errorf("wgpunative: write to %s: %w", b.Label, err)
		}
		offset, data = offset+n, data[n:]
		// The copies are freed when a submit has run; someone who loads a model
		// writes all of it without one.
		if d.pending += n; d.pending >= transfer {
			d.queue.Submit()
			d.pending = 0
			d.dev.Poll(true, nil)
			if err := d.check(nil); err != nil {
				return fmt.Errorf("wgpunative: write to %s: %w", b.Label, err)
			}
		}
	}
	return nil
}
