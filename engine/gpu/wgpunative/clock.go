//go:build !js && cgo && !gowebgpu

package wgpunative

/*
#include <stdint.h>
#include <stddef.h>

// The binding begins compute passes that take no timestamps only. The declarations
// follow webgpu.h of wgpu-native 22.

typedef struct { void *set; uint32_t begin, end; } ts_timestamp_writes;

typedef struct {
	void const *next;
	char const *label;
	ts_timestamp_writes const *timestamps;
} ts_pass_descriptor;

extern void *wgpuCommandEncoderBeginComputePass(void *encoder, ts_pass_descriptor const *descriptor);
extern void wgpuDeviceReference(void *device);

static void *ts_begin_timed(void *device, void *encoder, void *set) {
	ts_timestamp_writes writes = { set, 0, 1 };
	ts_pass_descriptor d = { NULL, NULL, &writes };
	wgpuDeviceReference(device); // which a pass of the binding gives back when it is released
	return wgpuCommandEncoderBeginComputePass(encoder, &d);
}
*/
import "C"

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// clock is what timestamps of a device have to be read with.
type clock struct {
	tick float64 // nanoseconds from one to the next, 0: not measured yet
}

// Time runs r, which has no copies, as one compute pass and returns what passed
// on the GPU from its start to its end. The first call also measures the clock,
// for a tenth of a second to one.
func (d *Device) Time(ctx context.Context, r *gpu.Recording) (time.Duration, error) {
	if err := r.Err(); err != nil {
		return 0, err
	}
	if err := d.usable(); err != nil {
		return 0, fmt.Errorf("wgpunative: time: %w", err)
	}
	if !d.dev.HasFeature(wgpu.FeatureNameTimestampQuery) {
		return 0, fmt.Errorf("wgpunative: time: %s has no clock: %w", d.info.Name, errors.ErrUnsupported)
	}
	commands := r.Commands()
	if len(commands) == 0 {
		return 0, errors.New("wgpunative: time: the recording is empty")
	}
	for _, c := range commands {
		if c.Kernel == nil {
			return 0, fmt.Errorf("wgpunative: time: copy from %s, expected dispatches only", c.Src.Buffer.Label)
		}
	}
	if d.clock.tick == 0 {
		if err := d.measureTick(ctx); err != nil {
			return 0, err
		}
	}
	begin, end, err := d.timestamps(ctx, commands)
	if err != nil {
		return 0, err
	}
	return time.Duration(float64(end-begin) * d.clock.tick), nil
}

// timestamps runs dispatches as one compute pass and returns the timestamps of its
// start and its end.
func (d *Device) timestamps(ctx context.Context, commands []gpu.Command) (begin, end uint64, err error) {
	set, err := d.dev.CreateQuerySet(&wgpu.QuerySetDescriptor{Label: "timestamps", Type: wgpu.QueryTypeTimestamp, Count: 2})
	if err != nil {
		return 0, 0, fmt.Errorf("wgpunative: time: %w", d.check(err))
	}
	defer set.Release()
	const bytes = 16 // a timestamp of 8 at the start and one at the end
	buf, err := d.newBuffer("timestamps", bytes, wgpu.BufferUsageQueryResolve|wgpu.BufferUsageCopySrc)
	if err != nil {
		return 0, 0, err
	}
	resolved := &buffer{d, buf}
	defer resolved.release()

	if err := d.prepare(commands); err != nil {
		return 0, 0, err
	}
	enc, err := d.dev.CreateCommandEncoder(nil)
	if err != nil {
		return 0, 0, fmt.Errorf("wgpunative: time: %w", d.check(err))
	}
	defer enc.Release()
	if err := d.pass(beginTimed(enc, set), commands, d.steps); err != nil {
		return 0, 0, err
	}
	if err := d.check(enc.ResolveQuerySet(set, 0, 2, buf, 0)); err != nil {
		return 0, 0, fmt.Errorf("wgpunative: time: %w", err)
	}
	if _, err := d.finish(enc); err != nil {
		return 0, 0, fmt.Errorf("wgpunative: time of %s: %w", describeCommands(commands), err)
	}
	stamps := make([]byte, bytes)
	if err := d.read(resolved, 0, stamps); err != nil {
		return 0, 0, fmt.Errorf("wgpunative: time: %w", err)
	}
	return binary.LittleEndian.Uint64(stamps), binary.LittleEndian.Uint64(stamps[8:]), ctx.Err()
}

// beginTimed begins a compute pass that writes a timestamp to set when it starts
// and one when it ends.
func beginTimed(enc *wgpu.CommandEncoder, set *wgpu.QuerySet) *wgpu.ComputePassEncoder {
	from := (*deviceRef)(unsafe.Pointer(enc))
	pass := new(wgpu.ComputePassEncoder)
	*(*deviceRef)(unsafe.Pointer(pass)) = deviceRef{
		device: from.device,
		ref:    C.ts_begin_timed(from.device, from.ref, (*refOnly)(unsafe.Pointer(set)).ref),
	}
	return pass
}

// measureTick finds out how long a tick is. WebGPU says a nanosecond, but this
// wgpu-native hands out the driver's own ticks and does not say how long they are.
// So two timestamps are held against this machine's clock, which are far enough
// apart for the tick to be known to 0.2 % where that does not take too long.
func (d *Device) measureTick(ctx context.Context) error {
	const apart, most = 100 * time.Millisecond, time.Second
	from, err := d.mark(ctx)
	if err != nil {
		return err
	}
	for {
		time.Sleep(apart)
		to, err := d.mark(ctx)
		if err != nil {
			return err
		}
		if to.ticks <= from.ticks {
			return fmt.Errorf("wgpunative: time: the clock of %s stands still: %w", d.info.Name, errors.ErrUnsupported)
		}
		passed := to.at.Sub(from.at)
		if from.within+to.within <= passed/500 || passed >= most {
			d.clock.tick = float64(passed) / float64(to.ticks-from.ticks)
			return nil
		}
	}
}

// mark is a timestamp and when it was taken, within so much more or less.
type mark struct {
	ticks  uint64
	at     time.Time
	within time.Duration
}

// mark takes a few timestamps and returns the one that was back the soonest, as its
// moment is known best.
func (d *Device) mark(ctx context.Context) (mark, error) {
	var best mark
	for i := range 8 {
		began := time.Now()
		ticks, _, err := d.timestamps(ctx, nil)
		if err != nil {
			return mark{}, err
		}
		if half := time.Since(began) / 2; i == 0 || half < best.within {
			best = mark{ticks, began.Add(half), half}
		}
	}
	return best, nil
}
