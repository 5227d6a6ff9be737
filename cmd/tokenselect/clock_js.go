package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/webgpujs"
)

// clocked is a GPU of the JavaScript host that takes timestamps: a gpu.Clock.
type clocked struct{ *webgpujs.Device }

// Time is of the one pass that the dispatches of r make.
func (c clocked) Time(ctx context.Context, r *gpu.Recording) (time.Duration, error) {
	if r.Len() == 0 {
		return 0, errors.New("webgpu: time: the recording is empty")
	}
	if _, err := c.Timings(ctx); err != nil { // of what was submitted before, which has its part of the timestamps
		return 0, err
	}
	if err := c.Submit(r); err != nil {
		return 0, err
	}
	spent, err := c.Timings(ctx)
	if err == nil && len(spent) != 1 {
		err = fmt.Errorf("webgpu: time: %d durations of one submit", len(spent))
	}
	if err != nil {
		return 0, err
	}
	return spent[0], nil
}

// openHost opens the GPU of the JavaScript host, with a clock where one is wanted and
// the host has it.
func openHost(f *deviceFlags) (gpu.Device, error) {
	ctx := context.Background()
	dev, err := webgpujs.Open(ctx, webgpujs.Options{Timestamps: f.clock, Without: f.without})
	if err != nil || !f.clock {
		return dev, err
	}
	c := clocked{dev.(*webgpujs.Device)}
	if _, err := c.Timings(ctx); err != nil {
		return dev, nil
	}
	return c, nil
}
