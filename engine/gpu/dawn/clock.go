//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"tokenselect/engine/gpu"
)

// Time runs r, which has no copies, as one compute pass and returns what passed
// on the GPU from its start to its end.
func (d *Device) Time(ctx context.Context, r *gpu.Recording) (time.Duration, error) {
	commands, err := d.commands(r, "time")
	if err != nil {
		return 0, err
	}
	if !d.timestamps {
		return 0, fmt.Errorf("dawn: time: %s has no clock: %w", d.info.Name, errors.ErrUnsupported)
	}
	if len(commands) == 0 {
		return 0, errors.New("dawn: time: the recording is empty")
	}
	for _, c := range commands {
		if c.Kernel == nil {
			return 0, fmt.Errorf("dawn: time: copy from %s, expected dispatches only", c.Src.Buffer.Label)
		}
	}
	set, err := d.newTimestamps()
	if err != nil {
		return 0, fmt.Errorf("dawn: time: %w", err)
	}
	defer d.releaseObject(d.lib.QuerySetRelease, set)
	const bytes = 16 // a timestamp of 8 at the start and one at the end
	resolved, err := d.newBuffer("timestamps", bytes, usageResolve|usageCopySrc)
	if err != nil {
		return 0, err
	}
	defer resolved.release(d.lib)

	if err := d.prepare(commands); err != nil {
		return 0, err
	}
	var p pins
	defer p.Unpin()
	writes := &timestampWrites{set: set, begin: 0, end: 1}
	p.Pin(writes)
	descriptor := pin(&p, &passDescriptor{timestamps: writes})
	err = d.submit(func(enc handle) {
		d.pass(enc, descriptor, commands, d.steps)
		call(d.lib.CommandEncoderResolveQuerySet, uintptr(enc), uintptr(set), 0, 2, uintptr(resolved.buf), 0)
	})
	if err := d.submitted(commands, err); err != nil {
		return 0, err
	}
	stamps := make([]byte, bytes)
	if err := d.read(ctx, resolved, 0, stamps); err != nil {
		return 0, fmt.Errorf("dawn: time: %w", err)
	}
	return time.Duration(binary.LittleEndian.Uint64(stamps[8:]) - binary.LittleEndian.Uint64(stamps)), nil
}

// newTimestamps makes a query set of two.
func (d *Device) newTimestamps() (handle, error) {
	var p pins
	defer p.Unpin()
	descriptor := pin(&p, &querySetDescriptor{label: p.text("timestamps"), kind: queryTimestamp, count: 2})
	var set handle
	err := d.made(func() { set = handle(call(d.lib.DeviceCreateQuerySet, uintptr(d.device), descriptor)) })
	if err != nil {
		d.releaseObject(d.lib.QuerySetRelease, set)
		return 0, err
	}
	return set, nil
}
