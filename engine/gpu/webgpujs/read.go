//go:build js

package webgpujs

import (
	"context"
	"fmt"

	"tokenselect/engine/gpu"
)

// Read waits for all submitted work and copies from b. It hands over what has
// been submitted since the last call, too: a step and the read of its result
// cross to JavaScript once. When ctx ends, nothing is written to dst any more.
func (d *Device) Read(ctx context.Context, b *gpu.Buffer, offset int, dst []byte) error {
	h, err := d.part("read of", b, offset, len(dst))
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(dst) == 0 {
		return wrap(d.hand(), "read of %s", b.Label)
	}
	r, err := d.beginRead(h, offset, dst)
	if err != nil {
		return wrap(err, "read of %s", b.Label)
	}
	return d.endRead(ctx, r, b.Label)
}

// BeginRead begins to copy from b, and hands over what has been submitted. Its wait
// is for what was submitted before it alone, and ends early when ctx does.
func (d *Device) BeginRead(b *gpu.Buffer, offset, n int) (gpu.Pending, error) {
	h, err := d.part("read of", b, offset, n)
	if err != nil {
		return nil, err
	}
	if n <= 0 || n > gpu.MaxBegun {
		return nil, fmt.Errorf("webgpujs: read of %s: %d bytes, expected 4 to %d", b.Label, n, gpu.MaxBegun)
	}
	label := b.Label
	dst := make([]byte, n)
	r, err := d.beginRead(h, offset, dst)
	if err != nil {
		return nil, wrap(err, "read of %s", label)
	}
	return func(ctx context.Context) ([]byte, error) {
		if err := ctx.Err(); err != nil {
			d.forget(r)
			return nil, err
		}
		if err := d.endRead(ctx, r, label); err != nil {
			return nil, err
		}
		return dst, nil
	}, nil
}

// beginRead hands the list over with a request for len(dst) bytes of h from offset.
func (d *Device) beginRead(h *buffer, offset int, dst []byte) (*request, error) {
	r := newRequest()
	r.dst = dst
	at, n := d.list.place()
	status := d.host.run.Invoke(at, n, r.id, h.id, offset, len(dst), place(dst)).Int()
	d.list.clear()
	if err := d.status(status); err != nil {
		delete(requests, r.id)
		return nil, err
	}
	return r, nil
}

// endRead waits for such a request.
func (d *Device) endRead(ctx context.Context, r *request, label string) error {
	err := d.wait(ctx, r)
	if err != nil && ctx.Err() != nil && !r.failed {
		return err
	}
	return wrap(err, "read of %s", label)
}
