//go:build !js && cgo

package wgpunative

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// copied is what a read is copied to.
type copied struct {
	staging *wgpu.Buffer
	size    int
	after   wgpu.WrappedSubmissionIndex // the submission that copies
}

// Read waits for all submitted work and copies from b. Ctx is looked at between
// waits, which it cannot cut short.
func (d *Device) Read(ctx context.Context, b *gpu.Buffer, offset int, dst []byte) error {
	h, err := d.part("read of", b, offset, len(dst))
	if err != nil {
		return err
	}
	for len(dst) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(dst), transfer)
		if err := d.read(h, offset, dst[:n]); err != nil {
			return fmt.Errorf("wgpunative: read of %s: %w", b.Label, err)
		}
		offset, dst = offset+n, dst[n:]
	}
	return ctx.Err()
}

func (d *Device) read(h *buffer, offset int, dst []byte) error {
	c, err := d.copyOut(h, offset, len(dst))
	if err != nil {
		return err
	}
	return d.fetch(c, dst)
}

// BeginRead begins to copy from b. Its wait, which ctx cannot cut short, is for
// what was submitted before it alone.
func (d *Device) BeginRead(b *gpu.Buffer, offset, n int) (gpu.Pending, error) {
	h, err := d.part("read of", b, offset, n)
	if err != nil {
		return nil, err
	}
	if n <= 0 || n > gpu.MaxBegun {
		return nil, fmt.Errorf("wgpunative: read of %s: %d bytes, expected 4 to %d", b.Label, n, gpu.MaxBegun)
	}
	label := b.Label
	c, err := d.copyOut(h, offset, n)
	if err != nil {
		return nil, fmt.Errorf("wgpunative: read of %s: %w", label, err)
	}
	return func(ctx context.Context) ([]byte, error) {
		if err := d.usable(); err != nil {
			return nil, fmt.Errorf("wgpunative: read of %s: %w", label, err)
		}
		if err := ctx.Err(); err != nil {
			d.stagings = append(d.stagings, c.staging)
			return nil, err
		}
		read := make([]byte, n)
		if err := d.fetch(c, read); err != nil {
			return nil, fmt.Errorf("wgpunative: read of %s: %w", label, err)
		}
		return read, ctx.Err()
	}, nil
}

// copyOut submits a copy of n bytes of h to a staging buffer.
func (d *Device) copyOut(h *buffer, offset, n int) (copied, error) {
	staging, err := d.takeStaging(n)
	if err != nil {
		return copied{}, err
	}
	enc, err := d.dev.CreateCommandEncoder(nil)
	if err != nil {
		d.stagings = append(d.stagings, staging)
		return copied{}, d.check(err)
	}
	defer enc.Release()
	c := copied{staging: staging, size: n}
	if err = enc.CopyBufferToBuffer(h.buf, uint64(offset), staging, 0, uint64(n)); err != nil {
		err = d.check(err)
	} else {
		c.after, err = d.finish(enc)
	}
	if err != nil {
		staging.Release()
		return copied{}, err
	}
	return c, nil
}

// fetch waits until c has been copied and takes it over to dst.
func (d *Device) fetch(c copied, dst []byte) error {
	err := d.mapRead(c.staging, c.after, c.size, func(mem []byte) { copy(dst, mem) })
	if err != nil {
		c.staging.Release()
		return err
	}
	d.stagings = append(d.stagings, c.staging)
	return nil
}

// takeStaging is a buffer of n bytes or more that can be mapped: one of those that
// are kept, or a new one in the place of one that is too small.
func (d *Device) takeStaging(n int) (*wgpu.Buffer, error) {
	if at := slices.IndexFunc(d.stagings, func(b *wgpu.Buffer) bool { return b.GetSize() >= uint64(n) }); at >= 0 {
		b := d.stagings[at]
		d.stagings = slices.Delete(d.stagings, at, at+1)
		return b, nil
	}
	if last := len(d.stagings) - 1; last >= 0 {
		d.stagings[last].Release()
		d.stagings = d.stagings[:last]
	}
	return d.newBuffer("staging", max(gpu.MaxBegun, 1<<bits.Len(uint(n-1))), wgpu.BufferUsageMapRead|wgpu.BufferUsageCopyDst)
}

// finish submits what enc has recorded and says which submission that is.
func (d *Device) finish(enc *wgpu.CommandEncoder) (wgpu.WrappedSubmissionIndex, error) {
	commands, err := enc.Finish(nil)
	if err != nil {
		return wgpu.WrappedSubmissionIndex{}, d.check(err)
	}
	index := d.queue.Submit(commands)
	commands.Release()
	d.pending = 0
	return wgpu.WrappedSubmissionIndex{Queue: d.queue, SubmissionIndex: index}, d.check(nil)
}
