// Package cpudev is a gpu.Device that runs each kernel's Go twin on all cores.
// It is the fallback where there is no GPU, and the reference for the devices
// that have one.
package cpudev

import (
	"context"
	"fmt"
	"runtime"
	"unsafe"

	"tokenselect/engine/gpu"
)

// Options choose how a CPU device runs. The zero value is the default.
type Options struct {
	Workers int  // goroutines that share the work; 0: one a core
	Plain   bool // run the plain twins, never their fast versions
}

// Device is a gpu.Device on the CPU.
type Device struct {
	info    gpu.Info
	plain   bool
	crew    *crew
	buffers int
	closed  bool
	call    []gpu.Call // of the current recording, kept for its memory
	bufs    [][]byte
}

// New makes a CPU device.
func New(o Options) *Device {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	size := int(^uint(0) >> 1)
	free, _ := available()
	return &Device{
		info: gpu.Info{
			Device: "cpu", Name: name(o.Workers), Kind: gpu.CPU, Backend: "Go",
			Driver: runtime.Version(), Limits: gpu.Limits{Buffer: size, Binding: size, Shared: size, Memory: int(min(free, uint64(size)))},
		},
		plain: o.Plain,
		crew:  newCrew(o.Workers),
	}
}

// name is the processor's, and how many of its cores are used.
func name(workers int) string {
	if workers == 1 {
		return model() + ", 1 core"
	}
	return fmt.Sprintf("%s, %d cores", model(), workers)
}

// Info describes the device.
func (d *Device) Info() gpu.Info { return d.info }

// Buffers is the number of buffers that have been made and not freed.
func (d *Device) Buffers() int { return d.buffers }

// align is the alignment of a buffer's memory in bytes, a cache line.
const align = 64

// NewBuffer makes a buffer of zeros.
func (d *Device) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if size <= 0 || size%4 != 0 {
		return nil, fmt.Errorf("cpudev: buffer %s: %d bytes, expected a positive multiple of 4", label, size)
	}
	if free, ok := available(); ok && uint64(size) > free {
		return nil, fmt.Errorf("cpudev: buffer %s: %d bytes, %d are free: %w", label, size, free, gpu.ErrOutOfMemory)
	}
	raw := make([]byte, size+align)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & (align - 1)
	d.buffers++
	return &gpu.Buffer{Label: label, Size: size, Handle: raw[skip : skip+size : skip+size]}, nil
}

// Free drops the memory of b.
func (d *Device) Free(b *gpu.Buffer) {
	if b != nil && b.Handle != nil {
		b.Handle = nil
		d.buffers--
	}
}

// bytes is the part of b from offset on, n long, or an error that says what is
// wrong with it.
func bytes(what string, b *gpu.Buffer, offset, n int) ([]byte, error) {
	mem, ok := b.Handle.([]byte)
	if !ok {
		return nil, fmt.Errorf("cpudev: %s %s: the buffer has been freed", what, b.Label)
	}
	if offset%4 != 0 || n%4 != 0 || offset < 0 || n < 0 || offset > len(mem)-n {
		return nil, fmt.Errorf("cpudev: %s %s: bytes %d to %d, expected multiples of 4 within %d", what, b.Label, offset, offset+n, len(mem))
	}
	return mem[offset : offset+n : offset+n], nil
}

// Write copies data into b.
func (d *Device) Write(b *gpu.Buffer, offset int, data []byte) error {
	mem, err := bytes("write to", b, offset, len(data))
	if err != nil {
		return err
	}
	copy(mem, data)
	return nil
}

// Read copies from b. All work is done when Submit returns, so it never waits.
func (d *Device) Read(ctx context.Context, b *gpu.Buffer, offset int, dst []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mem, err := bytes("read of", b, offset, len(dst))
	if err != nil {
		return err
	}
	copy(dst, mem)
	return nil
}

// BeginRead copies from b: all submitted work is done.
func (d *Device) BeginRead(b *gpu.Buffer, offset, n int) (gpu.Pending, error) {
	mem, err := bytes("read of", b, offset, n)
	if err != nil {
		return nil, err
	}
	if n <= 0 || n > gpu.MaxBegun {
		return nil, fmt.Errorf("cpudev: read of %s: %d bytes, expected 4 to %d", b.Label, n, gpu.MaxBegun)
	}
	read := append([]byte(nil), mem...)
	return func(ctx context.Context) ([]byte, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return read, nil
	}, nil
}

// Submit runs the commands of r and returns when they are done.
func (d *Device) Submit(r *gpu.Recording) error {
	if err := r.Err(); err != nil {
		return err
	}
	if d.closed {
		return fmt.Errorf("cpudev: submit to a closed device")
	}
	commands := r.Commands()
	d.call, d.bufs = d.call[:0], d.bufs[:0]
	for _, c := range commands {
		from := len(d.bufs)
		ranges := c.Ranges
		if c.Kernel == nil {
			ranges = []gpu.Range{c.Src, c.Dst}
		}
		for _, g := range ranges {
			mem, err := bytes("use of", g.Buffer, g.Offset, g.Size)
			if err != nil {
				return err
			}
			d.bufs = append(d.bufs, mem)
		}
		d.call = append(d.call, gpu.Call{Params: c.Params, Bufs: d.bufs[from:len(d.bufs):len(d.bufs)]})
	}
	d.crew.run(len(commands), func(i int) (int, func(lo, hi int)) {
		call, k := &d.call[i], commands[i].Kernel
		switch {
		case k == nil:
			return 1, func(int, int) { copy(call.Bufs[1], call.Bufs[0]) }
		case k.Fast != nil && !d.plain:
			return k.Items(call), func(lo, hi int) { k.Fast(call, lo, hi) }
		}
		return k.Items(call), func(lo, hi int) { k.Twin(call, lo, hi) }
	})
	return nil
}

// Close ends the device's goroutines.
func (d *Device) Close() {
	if !d.closed {
		d.closed = true
		d.crew.close()
	}
}
