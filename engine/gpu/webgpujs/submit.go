//go:build js

package webgpujs

import (
	"bytes"
	"fmt"

	"tokenselect/engine/gpu"
)

// slot is the alignment of a dynamic offset that every WebGPU device takes.
const slot = 256

// Submit writes the commands of r down and returns. They are handed over by the
// next call that needs their result, or by the next Submit: so the GPU is at
// most one recording behind. What the driver says of them comes with a later
// call.
func (d *Device) Submit(r *gpu.Recording) error {
	if err := r.Err(); err != nil {
		return err
	}
	if err := d.usable(); err != nil {
		return wrap(err, "submit")
	}
	commands := r.Commands()
	if len(commands) == 0 {
		return nil
	}
	if d.list.submits > 0 || len(d.list.words) > listMax {
		if err := d.hand(); err != nil {
			return wrap(err, "submit")
		}
	}
	if err := d.pipelines(commands); err != nil {
		return err
	}
	d.submits++
	d.trimGroups()
	if err := d.encode(commands); err != nil {
		return err
	}
	d.list.submit()
	return nil
}

// encode writes commands and params, and leaves out what the command before has
// set already.
func (d *Device) encode(commands []gpu.Command) error {
	l := &d.list
	l.commands, l.params = l.commands[:0], l.params[:0]
	var pipe *pipeline
	var bound *group
	params := -1
	for i := range commands {
		c := &commands[i]
		if c.Kernel == nil {
			if err := d.copy(c); err != nil {
				return err
			}
			pipe, bound, params = nil, nil, -1 // a new pass
			continue
		}
		p := d.pipes[c.Kernel]
		g, err := d.group(i, c, p)
		if err != nil {
			return err
		}
		if p != pipe {
			l.commands = append(l.commands, cmdPipeline, uint32(p.id))
			pipe, params = p, -1 // its params may be of another size
		}
		if g != bound {
			l.commands = append(l.commands, cmdGroup, uint32(g.id))
			bound = g
		}
		if p.params > 0 {
			if at := d.params(p, c.Params); at != params {
				l.commands = append(l.commands, cmdParams, uint32(at))
				params = at
			}
		}
		l.commands = append(l.commands, cmdDispatch, c.Groups[0], c.Groups[1], c.Groups[2])
	}
	if len(l.params) > min(d.info.Limits.Buffer, 1<<31) {
		return fmt.Errorf("webgpujs: submit: %d bytes of params: %w", len(l.params), gpu.ErrLimit)
	}
	return nil
}

// params is the offset of a dispatch's params in the arena. Layers repeat each
// other's, so that most are there already.
func (d *Device) params(p *pipeline, params []byte) int {
	l := &d.list
	if p.submit == d.submits && bytes.Equal(l.params[p.offset:p.offset+len(params)], params) {
		return p.offset
	}
	at := len(l.params)
	l.params = append(l.params, params...)
	var zeros [slot]byte
	l.params = append(l.params, zeros[:-len(params)&(slot-1)]...)
	p.submit, p.offset = d.submits, at
	return at
}

func (d *Device) copy(c *gpu.Command) error {
	src, err := d.handle(c.Src.Buffer)
	if err != nil {
		return wrap(err, "copy from %s", c.Src.Buffer.Label)
	}
	dst, err := d.handle(c.Dst.Buffer)
	if err != nil {
		return wrap(err, "copy to %s", c.Dst.Buffer.Label)
	}
	d.list.commands = append(d.list.commands, cmdCopy, uint32(src.id), uint32(c.Src.Offset/4), uint32(dst.id), uint32(c.Dst.Offset/4), uint32(c.Src.Size/4))
	return nil
}
