//go:build js

package webgpujs

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// groupKey is what a bind group depends on.
type groupKey struct {
	kernel *gpu.Kernel
	ranges [maxBindings]boundRange
}

type boundRange struct {
	buf          *buffer
	offset, size int
}

// group is a bind group.
type group struct {
	id   int
	used int // the last submit that used it
	key  groupKey
	gone bool
}

// groups are the bind groups that are kept.
type groups struct {
	byKey map[groupKey]*group
	ids   numbers[*group]
	last  []*group // of the commands of the last submit: the next one mostly has the same
	max   int      // how many there may be before old ones are looked for
}

func newGroups() groups { return groups{byKey: map[groupKey]*group{}, max: 4096} }

// group is the bind group of command i, which calls c.
func (d *Device) group(i int, c *gpu.Command, p *pipeline) (*group, error) {
	for len(d.bound.last) <= i {
		d.bound.last = append(d.bound.last, nil)
	}
	if g := d.bound.last[i]; g != nil && !g.gone && g.serves(c) {
		g.used = d.submits
		return g, nil
	}
	key := groupKey{kernel: c.Kernel}
	for j, r := range c.Ranges {
		h, err := d.handle(r.Buffer)
		if err != nil {
			return nil, wrap(err, "kernel %s: binding %s", c.Kernel.Name, c.Kernel.Bindings[j].Name)
		}
		if r.Size > d.info.Limits.Binding {
			return nil, fmt.Errorf("webgpujs: kernel %s: binding %s: %d bytes of %s, %s takes at most %d: %w", c.Kernel.Name, c.Kernel.Bindings[j].Name, r.Size, r.Buffer.Label, d.info.Name, d.info.Limits.Binding, gpu.ErrLimit)
		}
		key.ranges[j] = boundRange{h, r.Offset, r.Size}
	}
	g := d.bound.byKey[key]
	if g == nil {
		g = &group{key: key}
		g.id = d.bound.ids.add(g)
		d.bound.byKey[key] = g
		d.list.op(opMakeGroup, g.id, p.id, len(c.Ranges))
		for _, r := range key.ranges[:len(c.Ranges)] {
			d.list.words = append(d.list.words, uint32(r.buf.id), uint32(r.offset/4), uint32(r.size/4))
		}
	}
	g.used = d.submits
	d.bound.last[i] = g
	return g, nil
}

// serves tells whether g binds the ranges of c. No range of a living group is of
// a freed buffer.
func (g *group) serves(c *gpu.Command) bool {
	if g.key.kernel != c.Kernel {
		return false
	}
	for j := range c.Ranges {
		r, have := &c.Ranges[j], &g.key.ranges[j]
		if h, ok := r.Buffer.Handle.(*buffer); !ok || h != have.buf || r.Offset != have.offset || r.Size != have.size {
			return false
		}
	}
	return true
}

func (d *Device) drop(g *group) {
	g.gone = true
	delete(d.bound.byKey, g.key)
	d.bound.ids.remove(g.id)
	d.list.op(opDropGroup, g.id)
}

// dropGroups forgets the bind groups that have b, or all where that is nil.
func (d *Device) dropGroups(b *buffer) {
	for key, g := range d.bound.byKey {
		has := b == nil
		for _, r := range key.ranges {
			has = has || r.buf == b
		}
		if has {
			d.drop(g)
		}
	}
}

// trimGroups forgets bind groups that have not been used for a while: ranges
// that grow with the sequence are never bound again.
func (d *Device) trimGroups() {
	if len(d.bound.byKey) <= d.bound.max {
		return
	}
	for _, g := range d.bound.byKey {
		if g.used < d.submits-64 {
			d.drop(g)
		}
	}
	d.bound.max = max(d.bound.max, 2*len(d.bound.byKey))
}
