//go:build js

package webgpujs

import (
	"context"
	"time"
)

// Timings waits for all submitted work and returns what each submit since the
// last call took on the GPU. Browsers round it, and passes are counted up to a
// few thousand between calls. It needs Options.Timestamps.
func (d *Device) Timings(ctx context.Context) ([]time.Duration, error) {
	if err := d.usable(); err != nil {
		return nil, wrap(err, "timings")
	}
	if err := d.hand(); err != nil {
		return nil, wrap(err, "timings")
	}
	r := newRequest()
	d.host.timings.Invoke(r.id)
	if err := d.wait(ctx, r); err != nil {
		return nil, wrap(err, "timings")
	}
	v := r.take()
	spent := make([]time.Duration, v.Length())
	for i := range spent {
		spent[i] = time.Duration(v.Index(i).Float())
	}
	return spent, nil
}
