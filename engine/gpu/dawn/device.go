//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"context"
	"fmt"

	"tokenselect/engine/gpu"
)

// Device is a gpu.Device on Dawn.
type Device struct {
	*native
	info   gpu.Info
	closed bool

	buffers  map[*buffer]bool
	pending  int       // bytes written since the last submit
	stagings []*buffer // what reads are copied to; those that none is under way to

	pipelines map[*gpu.Kernel]*pipeline // of the best shader that the device can run
	groups    map[groupKey]*group
	groupsMax int
	submits   int
	arena     arena
	steps     []step // of the recording being submitted, kept for its memory
	list      []cCall
}

func newDevice(n *native, info gpu.Info) *Device {
	return &Device{
		native: n, info: info,
		buffers:   map[*buffer]bool{},
		pipelines: map[*gpu.Kernel]*pipeline{},
		groups:    map[groupKey]*group{},
		groupsMax: 4096,
		arena:     arena{uniforms: map[int]*uniform{}},
	}
}

// Info describes the device.
func (d *Device) Info() gpu.Info { return d.info }

// Buffers is the number of buffers that have been made and not freed.
func (d *Device) Buffers() int { return len(d.buffers) }

// Library is the file that Dawn was loaded from.
func (d *Device) Library() string { return d.lib.path }

// usable says why nothing can be done with the device any more.
func (d *Device) usable() error {
	if d.closed {
		return fmt.Errorf("the device is closed")
	}
	return d.lost()
}

// Close waits for submitted work and frees everything that belongs to the
// device.
func (d *Device) Close() {
	if d.closed {
		return
	}
	d.closed = true
	if d.lost() == nil {
		d.finishWork(context.Background())
	}
	for _, g := range d.groups {
		call(d.lib.BindGroupRelease, uintptr(g.bind))
	}
	d.arena.release(d.lib)
	for _, p := range d.pipelines {
		p.release(d.lib)
	}
	for b := range d.buffers {
		b.release(d.lib)
	}
	for _, b := range d.stagings {
		b.release(d.lib)
	}
	clear(d.groups)
	clear(d.pipelines)
	clear(d.buffers)
	d.native.release()
}
