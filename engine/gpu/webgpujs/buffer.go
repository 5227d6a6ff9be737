//go:build js

package webgpujs

import (
	"context"
	"fmt"
	"unsafe"

	"tokenselect/engine/gpu"
)

// buffer is the Handle of a gpu.Buffer. It is comparable and, unlike the
// gpu.Buffer, changes with every allocation.
type buffer struct {
	dev   *Device
	id    int
	freed bool
}

// numbers gives out numbers from 0 on, and those given back again.
type numbers[T any] struct {
	values []T
	free   []int
	used   int
}

func (n *numbers[T]) add(v T) int {
	n.used++
	if last := len(n.free) - 1; last >= 0 {
		id := n.free[last]
		n.free = n.free[:last]
		n.values[id] = v
		return id
	}
	n.values = append(n.values, v)
	return len(n.values) - 1
}

func (n *numbers[T]) remove(id int) {
	var none T
	n.values[id] = none
	n.free = append(n.free, id)
	n.used--
}

// NewBuffer makes a buffer of zeros. It waits for the GPU process to say whether
// there is memory for it.
func (d *Device) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if err := d.usable(); err != nil {
		return nil, wrap(err, "buffer %s", label)
	}
	if size <= 0 || size%4 != 0 {
		return nil, fmt.Errorf("webgpujs: buffer %s: %d bytes, expected a positive multiple of 4", label, size)
	}
	if size > d.info.Limits.Buffer {
		return nil, fmt.Errorf("webgpujs: buffer %s: %d bytes, %s takes at most %d: %w", label, size, d.info.Name, d.info.Limits.Buffer, gpu.ErrLimit)
	}
	// What is freed by then makes room for it.
	if err := d.hand(); err != nil {
		return nil, wrap(err, "buffer %s", label)
	}
	b := &buffer{dev: d}
	b.id = d.buffers.add(b)
	if err := d.call(context.Background(), d.host.newBuffer, b.id, label, size); err != nil {
		d.buffers.remove(b.id)
		return nil, wrap(err, "buffer %s: %d bytes", label, size)
	}
	return &gpu.Buffer{Label: label, Size: size, Handle: b}, nil
}

// Free gives the memory of b back once submitted work is done with it.
func (d *Device) Free(b *gpu.Buffer) {
	if b == nil {
		return
	}
	h, ok := b.Handle.(*buffer)
	if !ok || h.dev != d || h.freed || d.closed {
		return
	}
	b.Handle = nil
	h.freed = true
	d.dropGroups(h)
	d.list.op(opFree, h.id)
	d.buffers.remove(h.id)
	if d.lost == nil {
		// What it has to tell waits for a call that can return it.
		at, n := d.list.place()
		d.host.run.Invoke(at, n, 0)
	}
	d.list.clear()
}

// handle is the buffer behind b, or an error that says why there is none.
func (d *Device) handle(b *gpu.Buffer) (*buffer, error) {
	h, ok := b.Handle.(*buffer)
	switch {
	case !ok || h.dev == d && (h.freed || d.closed):
		return nil, fmt.Errorf("buffer %s has been freed", b.Label)
	case h.dev != d:
		return nil, fmt.Errorf("buffer %s belongs to another device", b.Label)
	}
	return h, nil
}

// part is the buffer behind b if it has n bytes at offset.
func (d *Device) part(what string, b *gpu.Buffer, offset, n int) (*buffer, error) {
	if err := d.usable(); err != nil {
		return nil, wrap(err, "%s %s", what, b.Label)
	}
	h, err := d.handle(b)
	if err != nil {
		return nil, wrap(err, "%s %s", what, b.Label)
	}
	if offset%4 != 0 || n%4 != 0 || offset < 0 || offset > b.Size-n {
		return nil, fmt.Errorf("webgpujs: %s %s: bytes %d to %d, expected multiples of 4 within %d", what, b.Label, offset, offset+n, b.Size)
	}
	return h, nil
}

const (
	small    = 4 << 10  // bytes of a write that goes along with the next submit
	transfer = 16 << 20 // bytes that are written at a time
	unsettle = 64 << 20 // bytes of which the driver may keep copies
)

// Write copies data into b. A few bytes wait in the list for what needs them.
func (d *Device) Write(b *gpu.Buffer, offset int, data []byte) error {
	h, err := d.part("write to", b, offset, len(data))
	if err != nil || len(data) == 0 {
		return err
	}
	if len(data) <= small {
		if len(d.list.words) > listMax {
			if err := d.hand(); err != nil {
				return wrap(err, "write to %s", b.Label)
			}
		}
		d.list.op(opWrite, h.id, offset/4, len(data)/4)
		d.list.bytes(data)
		return nil
	}
	for len(data) > 0 {
		n := min(len(data), transfer)
		at, words := d.list.place()
		status := d.host.write.Invoke(at, words, h.id, offset, place(data), n).Int()
		d.list.clear()
		if err := d.status(status); err != nil {
			return wrap(err, "write to %s", b.Label)
		}
		offset, data = offset+n, data[n:]
		// The copies are freed when the queue has come past them; someone who
		// loads a model writes all of it without a submit.
		if d.written += n; d.written >= unsettle {
			d.written = 0
			if err := d.call(context.Background(), d.host.wait); err != nil {
				return wrap(err, "write to %s", b.Label)
			}
		}
	}
	return nil
}

// place is where in WebAssembly's memory data begins. Go does not move what is
// on its heap.
func place(data []byte) int { return int(uintptr(unsafe.Pointer(unsafe.SliceData(data)))) }
