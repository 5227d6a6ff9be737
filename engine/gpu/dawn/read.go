//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"tokenselect/engine/gpu"
)

// Read waits for all submitted work and copies from b. It gives up waiting when
// ctx ends.
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
		if err := d.read(ctx, h, offset, dst[:n]); err != nil {
			return fmt.Errorf("dawn: read of %s: %w", b.Label, err)
		}
		offset, dst = offset+n, dst[n:]
	}
	return ctx.Err()
}

func (d *Device) read(ctx context.Context, h *buffer, offset int, dst []byte) error {
	staging, err := d.copyOut(h, offset, len(dst))
	if err != nil {
		return err
	}
	return d.fetch(ctx, staging, dst)
}

// BeginRead begins to copy from b. Its wait is for what was submitted before it
// alone, and ends early when ctx does.
func (d *Device) BeginRead(b *gpu.Buffer, offset, n int) (gpu.Pending, error) {
	h, err := d.part("read of", b, offset, n)
	if err != nil {
		return nil, err
	}
	if n <= 0 || n > gpu.MaxBegun {
		return nil, fmt.Errorf("dawn: read of %s: %d bytes, expected 4 to %d", b.Label, n, gpu.MaxBegun)
	}
	label := b.Label
	staging, err := d.copyOut(h, offset, n)
	if err != nil {
		return nil, fmt.Errorf("dawn: read of %s: %w", label, err)
	}
	return func(ctx context.Context) ([]byte, error) {
		if err := d.usable(); err != nil {
			return nil, fmt.Errorf("dawn: read of %s: %w", label, err)
		}
		if err := ctx.Err(); err != nil {
			d.stagings = append(d.stagings, staging)
			return nil, err
		}
		read := make([]byte, n)
		if err := d.fetch(ctx, staging, read); err != nil {
			return nil, fmt.Errorf("dawn: read of %s: %w", label, err)
		}
		return read, nil
	}, nil
}

// copyOut submits a copy of n bytes of h to a staging buffer.
func (d *Device) copyOut(h *buffer, offset, n int) (*buffer, error) {
	staging, err := d.takeStaging(n)
	if err != nil {
		return nil, err
	}
	err = d.submit(func(enc handle) {
		call(d.lib.CommandEncoderCopyBufferToBuffer, uintptr(enc), uintptr(h.buf), uintptr(offset), uintptr(staging.buf), 0, uintptr(n))
	})
	if err != nil {
		staging.release(d.lib)
		return nil, err
	}
	return staging, nil
}

// takeStaging is a buffer of n bytes or more that can be mapped: one of those that
// are kept, or a new one in the place of one that is too small.
func (d *Device) takeStaging(n int) (*buffer, error) {
	if at := slices.IndexFunc(d.stagings, func(b *buffer) bool { return b.size >= n }); at >= 0 {
		b := d.stagings[at]
		d.stagings = slices.Delete(d.stagings, at, at+1)
		return b, nil
	}
	if last := len(d.stagings) - 1; last >= 0 {
		d.stagings[last].release(d.lib)
		d.stagings = d.stagings[:last]
	}
	return d.newBuffer("staging", max(gpu.MaxBegun, 1<<bits.Len(uint(n-1))), usageMapRead|usageCopyDst)
}

// fetch waits until something has been copied to staging and takes it over to dst.
func (d *Device) fetch(ctx context.Context, staging *buffer, dst []byte) error {
	status, _, text, err := d.await(ctx, d.lib.BufferMapAsync, d.calls.mapped, uintptr(staging.buf), mapRead, 0, uintptr(len(dst)))
	if err = d.check(err); err == nil && status != statusSuccess {
		err = fmt.Errorf("mapping failed with status %d: %s", status, plain(text))
	}
	if err != nil {
		staging.release(d.lib) // it may still be about to be mapped
		return err
	}
	copy(dst, bytesAt(call(d.lib.BufferGetConstMappedRange, uintptr(staging.buf), 0, uintptr(len(dst))), len(dst)))
	call(d.lib.BufferUnmap, uintptr(staging.buf))
	d.stagings = append(d.stagings, staging)
	return d.check(nil)
}
