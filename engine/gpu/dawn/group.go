//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// maxBindings is the number of storage buffers that every WebGPU device lets a
// kernel see.
const maxBindings = 8

// groupKey is what a bind group depends on.
type groupKey struct {
	kernel *gpu.Kernel
	ranges [maxBindings]boundRange
}

type boundRange struct {
	buf          *buffer
	offset, size int
}

type group struct {
	bind       handle
	made, used int // the submit that it was made for, and the last that used it
}

// group is the bind group of k over ranges.
func (d *Device) group(k *gpu.Kernel, p *pipeline, ranges []gpu.Range) (handle, error) {
	key := groupKey{kernel: k}
	for i, r := range ranges {
		h, err := d.handle(r.Buffer)
		if err != nil {
			return 0, fmt.Errorf("dawn: kernel %s: binding %s: %w", k.Name, k.Bindings[i].Name, err)
		}
		if r.Size > d.info.Limits.Binding {
			return 0, fmt.Errorf("dawn: kernel %s: binding %s: %d bytes of %s, %s takes at most %d: %w", k.Name, k.Bindings[i].Name, r.Size, r.Buffer.Label, d.info.Name, d.info.Limits.Binding, gpu.ErrLimit)
		}
		key.ranges[i] = boundRange{h, r.Offset, r.Size}
	}
	if g := d.groups[key]; g != nil {
		g.used = d.submits
		return g.bind, nil
	}
	entries := make([]groupEntry, len(ranges))
	for i, r := range key.ranges[:len(ranges)] {
		entries[i] = groupEntry{binding: uint32(i), buffer: r.buf.buf, offset: uint64(r.offset), size: uint64(r.size)}
	}
	bind, err := d.newGroup(k.Name, p.layout, entries)
	if err != nil {
		return 0, fmt.Errorf("dawn: kernel %s: %w", k.Name, err)
	}
	d.groups[key] = &group{bind, d.submits, d.submits}
	return bind, nil
}

// newGroup makes a bind group. It does without an error scope, as a decode step
// makes many: what is wrong is found here, or when the group is used.
func (d *Device) newGroup(label string, layout handle, entries []groupEntry) (handle, error) {
	var p pins
	defer p.Unpin()
	descriptor := pin(&p, &groupDescriptor{label: p.text(label), layout: layout, count: uintptr(len(entries)), list: arrayAt(&p, entries)})
	made := handle(call(d.lib.DeviceCreateBindGroup, uintptr(d.device), descriptor))
	if err := d.check(nil); err != nil {
		d.releaseObject(d.lib.BindGroupRelease, made)
		return 0, err
	}
	return made, nil
}

// dropNewGroups forgets the bind groups that were made for a submit which was
// refused: one of them may be the reason.
func (d *Device) dropNewGroups() {
	for key, g := range d.groups {
		if g.made == d.submits {
			call(d.lib.BindGroupRelease, uintptr(g.bind))
			delete(d.groups, key)
		}
	}
}

// dropGroups forgets the bind groups that have b.
func (d *Device) dropGroups(b *buffer) {
	for key, g := range d.groups {
		for _, r := range key.ranges {
			if r.buf == b {
				call(d.lib.BindGroupRelease, uintptr(g.bind))
				delete(d.groups, key)
				break
			}
		}
	}
}

// trimGroups forgets bind groups that have not been used for a while: ranges
// that grow with the sequence are never bound again.
func (d *Device) trimGroups() {
	if len(d.groups) <= d.groupsMax {
		return
	}
	for key, g := range d.groups {
		if g.used < d.submits-64 {
			call(d.lib.BindGroupRelease, uintptr(g.bind))
			delete(d.groups, key)
		}
	}
	d.groupsMax = max(d.groupsMax, 2*len(d.groups))
}
