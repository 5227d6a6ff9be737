//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"context"
	"fmt"

	"tokenselect/engine/gpu"
)

// buffer is the Handle of a gpu.Buffer. It is comparable and, unlike the
// gpu.Buffer, changes with every allocation.
type buffer struct {
	dev  *Device
	buf  handle
	size int
}

func (b *buffer) release(l *library) {
	call(l.BufferDestroy, uintptr(b.buf))
	call(l.BufferRelease, uintptr(b.buf))
}

// NewBuffer makes a buffer of zeros.
func (d *Device) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if err := d.usable(); err != nil {
		return nil, fmt.Errorf("dawn: buffer %s: %w", label, err)
	}
	if size <= 0 || size%4 != 0 {
		return nil, fmt.Errorf("dawn: buffer %s: %d bytes, expected a positive multiple of 4", label, size)
	}
	if size > d.info.Limits.Buffer {
		return nil, fmt.Errorf("dawn: buffer %s: %d bytes, %s takes at most %d: %w", label, size, d.info.Name, d.info.Limits.Buffer, gpu.ErrLimit)
	}
	b, err := d.newBuffer(label, size, usageStorage|usageCopySrc|usageCopyDst)
	if err != nil {
		return nil, err
	}
	d.buffers[b] = true
	return &gpu.Buffer{Label: label, Size: size, Handle: b}, nil
}

func (d *Device) newBuffer(label string, size int, usage uint64) (*buffer, error) {
	var p pins
	defer p.Unpin()
	descriptor := pin(&p, &bufferDescriptor{label: p.text(label), usage: usage, size: uint64(size)})
	var buf handle
	err := d.made(func() { buf = handle(call(d.lib.DeviceCreateBuffer, uintptr(d.device), descriptor)) })
	if err != nil {
		d.releaseObject(d.lib.BufferRelease, buf)
		return nil, fmt.Errorf("dawn: buffer %s: %d bytes: %w", label, size, err)
	}
	return &buffer{d, buf, size}, nil
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
	h.release(d.lib)
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
		return nil, fmt.Errorf("dawn: %s %s: %w", what, b.Label, err)
	}
	h, err := d.handle(b)
	if err != nil {
		return nil, fmt.Errorf("dawn: %s %s: %w", what, b.Label, err)
	}
	if offset%4 != 0 || n%4 != 0 || offset < 0 || offset > b.Size-n {
		return nil, fmt.Errorf("dawn: %s %s: bytes %d to %d, expected multiples of 4 within %d", what, b.Label, offset, offset+n, b.Size)
	}
	return h, nil
}

// Transfers are cut into pieces of transfer bytes, as Dawn keeps a copy of each.
const transfer = 32 << 20

// Write copies data into b.
func (d *Device) Write(b *gpu.Buffer, offset int, data []byte) error {
	h, err := d.part("write to", b, offset, len(data))
	if err != nil {
		return err
	}
	for len(data) > 0 {
		n := min(len(data), transfer)
		err := d.write(h, offset, data[:n])
		offset, data = offset+n, data[n:]
		// The copies are freed when a submit has run; someone who loads a model
		// writes all of it without one.
		if d.pending += n; err == nil && d.pending >= transfer {
			err = d.flush()
		}
		if err != nil {
			return fmt.Errorf("dawn: write to %s: %w", b.Label, err)
		}
	}
	return nil
}

// write copies data, which Dawn does before it returns.
func (d *Device) write(b *buffer, offset int, data []byte) error {
	var p pins
	defer p.Unpin()
	call(d.lib.QueueWriteBuffer, uintptr(d.queue), uintptr(b.buf), uintptr(offset), pin(&p, &data[0]), uintptr(len(data)))
	return d.check(nil)
}

// flush has what was written carried out.
func (d *Device) flush() error {
	d.pending = 0
	call(d.lib.QueueSubmit, uintptr(d.queue), 0, 0)
	return d.check(d.finishWork(context.Background()))
}
