//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"
	"unsafe"

	"tokenselect/engine/gpu"
)

// step is a command with what WebGPU needs to encode it.
type step struct {
	pipe   *pipeline
	group  handle
	params *uniform
	offset uint32 // of the params in the arena

	src, dst handle // of a copy
}

// Submit hands the commands of r to the GPU and returns before they are done.
// Neighbouring dispatches share a compute pass: WebGPU lets each see what the
// ones before it wrote.
func (d *Device) Submit(r *gpu.Recording) error {
	commands, err := d.commands(r, "submit")
	if err != nil || len(commands) == 0 {
		return err
	}
	if err := d.prepare(commands); err != nil {
		return err
	}
	return d.submitted(commands, d.submit(func(enc handle) { d.encode(enc, commands, d.steps) }))
}

// commands are those of r, if it can be run at all. what is asked for with them
// is for errors.
func (d *Device) commands(r *gpu.Recording, what string) ([]gpu.Command, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	if err := d.usable(); err != nil {
		return nil, fmt.Errorf("dawn: %s: %w", what, err)
	}
	return r.Commands(), nil
}

// submitted says which of the commands it was that err, if any, refused.
func (d *Device) submitted(commands []gpu.Command, err error) error {
	if err == nil {
		return nil
	}
	if d.lost() == nil {
		commands, err = d.blame(commands, err)
		d.dropNewGroups()
	}
	return fmt.Errorf("dawn: submit of %s: %w", describeCommands(commands), err)
}

// submit records commands and submits them. Errors in them are found before any
// of them runs.
func (d *Device) submit(record func(enc handle)) error {
	err := d.scoped(func() {
		enc := handle(call(d.lib.DeviceCreateCommandEncoder, uintptr(d.device), 0))
		record(enc)
		commands := new(handle)
		*commands = handle(call(d.lib.CommandEncoderFinish, uintptr(enc), 0))
		var p pins
		defer p.Unpin()
		call(d.lib.QueueSubmit, uintptr(d.queue), 1, pin(&p, commands))
		call(d.lib.CommandBufferRelease, uintptr(*commands))
		call(d.lib.CommandEncoderRelease, uintptr(enc))
	}, filterValidation)
	d.pending = 0
	return err
}

// prepare makes what the commands of the next submit need and writes their
// params to the arena.
func (d *Device) prepare(commands []gpu.Command) error {
	d.submits++
	d.trimGroups()
	d.steps = d.steps[:0]
	d.arena.bytes = d.arena.bytes[:0]
	for i := range commands {
		c := &commands[i]
		var s step
		var err error
		if c.Kernel == nil {
			s, err = d.copyStep(c)
		} else {
			s, err = d.dispatchStep(c)
		}
		if err != nil {
			return err
		}
		d.steps = append(d.steps, s)
	}
	return d.writeParams()
}

func (d *Device) dispatchStep(c *gpu.Command) (step, error) {
	p, err := d.pipeline(c.Kernel)
	if err != nil {
		return step{}, err
	}
	g, err := d.group(c.Kernel, p, c.Ranges)
	if err != nil {
		return step{}, err
	}
	s := step{pipe: p, group: g}
	if p.params > 0 {
		s.params = d.arena.uniforms[p.params]
		s.offset = d.arena.add(c.Params)
	}
	return s, nil
}

func (d *Device) copyStep(c *gpu.Command) (step, error) {
	src, err := d.handle(c.Src.Buffer)
	if err != nil {
		return step{}, fmt.Errorf("dawn: copy from %s: %w", c.Src.Buffer.Label, err)
	}
	dst, err := d.handle(c.Dst.Buffer)
	if err != nil {
		return step{}, fmt.Errorf("dawn: copy to %s: %w", c.Dst.Buffer.Label, err)
	}
	return step{src: src.buf, dst: dst.buf}, nil
}

// encode records commands with an encoder.
func (d *Device) encode(enc handle, commands []gpu.Command, steps []step) {
	for i := 0; i < len(commands); {
		if commands[i].Kernel == nil {
			c, s := &commands[i], &steps[i]
			call(d.lib.CommandEncoderCopyBufferToBuffer, uintptr(enc), uintptr(s.src), uintptr(c.Src.Offset), uintptr(s.dst), uintptr(c.Dst.Offset), uintptr(c.Src.Size))
			i++
			continue
		}
		end := i
		for end < len(commands) && commands[end].Kernel != nil {
			end++
		}
		d.pass(enc, 0, commands[i:end], steps[i:end])
		i = end
	}
}

// pass records dispatches as one compute pass. Its calls are made in one go,
// which costs a crossing into C for all of them. Descriptor is the address of
// the pass's, or 0.
func (d *Device) pass(enc handle, descriptor uintptr, commands []gpu.Command, steps []step) {
	pass := call(d.lib.CommandEncoderBeginComputePass, uintptr(enc), descriptor)
	var p pins
	defer p.Unpin()
	p.Pin(&steps[0]) // their offsets are read by C
	l := d.list[:0]
	var pipe *pipeline
	for i := range steps {
		s := &steps[i]
		if s.pipe != pipe {
			pipe = s.pipe
			l = append(l, cCall{d.lib.ComputePassEncoderSetPipeline, [6]uintptr{pass, uintptr(pipe.compute)}})
		}
		l = append(l, cCall{d.lib.ComputePassEncoderSetBindGroup, [6]uintptr{pass, 0, uintptr(s.group)}})
		if s.params != nil {
			l = append(l, cCall{d.lib.ComputePassEncoderSetBindGroup, [6]uintptr{pass, 1, uintptr(s.params.group), 1, uintptr(unsafe.Pointer(&s.offset))}})
		}
		g := commands[i].Groups
		l = append(l, cCall{d.lib.ComputePassEncoderDispatchWorkgroups, [6]uintptr{pass, uintptr(g[0]), uintptr(g[1]), uintptr(g[2])}})
	}
	l = append(l, cCall{d.lib.ComputePassEncoderEnd, [6]uintptr{pass}}, cCall{d.lib.ComputePassEncoderRelease, [6]uintptr{pass}})
	callAll(l)
	d.list = l
}

// blame narrows commands, which were refused, to the first that is refused
// alone, and says why: Dawn says what is wrong but not with which command. What
// is encoded for that is never submitted.
func (d *Device) blame(commands []gpu.Command, err error) ([]gpu.Command, error) {
	for i := range commands {
		alone := d.scoped(func() {
			enc := handle(call(d.lib.DeviceCreateCommandEncoder, uintptr(d.device), 0))
			d.encode(enc, commands[i:i+1], d.steps[i:i+1])
			call(d.lib.CommandBufferRelease, call(d.lib.CommandEncoderFinish, uintptr(enc), 0))
			call(d.lib.CommandEncoderRelease, uintptr(enc))
		}, filterValidation)
		if alone != nil {
			return commands[i : i+1], alone
		}
	}
	return commands, err
}

// describeCommands names the kernels of commands.
func describeCommands(commands []gpu.Command) string {
	first, last := "", ""
	for _, c := range commands {
		if c.Kernel != nil {
			if last = c.Kernel.Name; first == "" {
				first = last
			}
		}
	}
	switch {
	case first == "":
		return fmt.Sprintf("%d copies", len(commands))
	case len(commands) == 1:
		return "kernel " + first
	}
	return fmt.Sprintf("%d commands (kernels %s to %s)", len(commands), first, last)
}
