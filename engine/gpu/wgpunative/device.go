//go:build !js && cgo

package wgpunative

import (
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// Device is a gpu.Device on wgpu-native.
type Device struct {
	native
	info   gpu.Info
	queue  *wgpu.Queue
	closed bool
	clock  clock

	buffers  map[*buffer]bool
	pending  int            // bytes written since the last submit
	stagings []*wgpu.Buffer // what reads are copied to; those that none is under way to

	pipelines map[*gpu.Kernel]*pipeline
	groups    map[groupKey]*group
	groupsMax int
	submits   int
	arena     arena
	steps     []step // of the recording being submitted, kept for its memory
}

func newDevice(n native, info gpu.Info) *Device {
	return &Device{
		native: n, info: info, queue: n.dev.GetQueue(),
		buffers:   map[*buffer]bool{},
		pipelines: map[*gpu.Kernel]*pipeline{},
		groups:    map[groupKey]*group{},
		groupsMax: 4096,
		arena:     arena{uniforms: map[int]*uniform{}, offset: make([]uint32, 1)},
	}
}

// Info describes the device.
func (d *Device) Info() gpu.Info { return d.info }

// Buffers is the number of buffers that have been made and not freed.
func (d *Device) Buffers() int { return len(d.buffers) }

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
		d.dev.Poll(true, nil)
	}
	for _, g := range d.groups {
		g.bind.Release()
	}
	d.arena.release()
	for _, p := range d.pipelines {
		p.release()
	}
	for b := range d.buffers {
		b.release()
	}
	for _, b := range d.stagings {
		b.Release()
	}
	clear(d.groups)
	clear(d.pipelines)
	clear(d.buffers)
	d.queue.Release()
	d.dev.Release()
}
