package layer

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// Ceilings are what a device does at most, as plain kernels find it.
type Ceilings struct {
	Read        float64 `json:"read_bytes_s"`              // bytes a second
	MultiplyAdd float64 `json:"multiply_add_operations_s"` // float32 operations a second
	ByDevice    bool    `json:"timed_by_device"`           // with the device's clock, not this machine's
}

// Measure finds the ceilings of dev. Bytes is how much is read at a time: more
// than its processors keep.
func Measure(ctx context.Context, dev gpu.Device, bytes int) (Ceilings, error) {
	b := &bed{dev: dev}
	defer b.close()
	bytes = min(bytes, dev.Info().Limits.Binding) &^ 0xffff
	x, err := b.buffer(bytes)
	if err != nil {
		return Ceilings{}, err
	}
	if err := newNoise(rand.New(rand.NewPCG(3, 4)), kernels.CacheF32).fill(dev, x); err != nil {
		return Ceilings{}, err
	}
	if b.y, err = b.buffer(4 * kernels.ReadWords(bytes/16)); err != nil {
		return Ceilings{}, err
	}
	took, err := b.moved(ctx, func(r *gpu.Recording, i int) { kernels.CeilingRead(r, gpu.All(x), gpu.All(b.y), bytes/16) })
	if err != nil {
		return Ceilings{}, err
	}
	top := Ceilings{Read: float64(bytes) / took.Seconds()}

	n, rounds := min(4<<20, bytes/16), 256
	if !dev.Info().Kind.Real() { // so many would take seconds
		n = min(n, 1<<16)
	}
	took, err = b.moved(ctx, func(r *gpu.Recording, i int) { kernels.CeilingMultiplyAdd(r, gpu.All(x), n, rounds, -1, 1) })
	if err != nil {
		return Ceilings{}, err
	}
	top.MultiplyAdd = 2 * 4 * float64(n) * float64(rounds) / took.Seconds()

	var r gpu.Recording
	kernels.CeilingRead(&r, gpu.All(x), gpu.All(b.y), 1)
	_, top.ByDevice, err = gpu.Time(ctx, dev, &r, b.y)
	return top, err
}

// moved is measure, for what divides by the time: the timestamps of some browsers are all
// zero.
func (b *bed) moved(ctx context.Context, record func(r *gpu.Recording, i int)) (time.Duration, error) {
	took, err := b.measure(ctx, record)
	if err == nil && took <= 0 {
		err = errors.New("layer: the device's clock stands still")
	}
	return took, err
}
