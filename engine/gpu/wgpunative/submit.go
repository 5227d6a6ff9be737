//go:build !js && cgo

package wgpunative

import (
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/wgpunative/internal/wgpu"
)

// step is a command with what WebGPU needs to encode it.
type step struct {
	pipe   *pipeline
	group  *wgpu.BindGroup
	params *uniform
	offset uint32 // of the params in the arena

	src, dst *wgpu.Buffer // of a copy
}

// Submit hands the commands of r to the GPU and returns before they are done.
// Neighbouring dispatches share a compute pass: WebGPU lets each see what the
// ones before it wrote.
func (d *Device) Submit(r *gpu.Recording) error {
	if err := r.Err(); err != nil {
		return err
	}
	if err := d.usable(); err != nil {
		return fmt.Errorf("wgpunative: submit: %w", err)
	}
	commands := r.Commands()
	if len(commands) == 0 {
		return nil
	}
	if err := d.prepare(commands); err != nil {
		return err
	}
	enc, err := d.dev.CreateCommandEncoder(nil)
	if err != nil {
		return fmt.Errorf("wgpunative: submit: %w", d.check(err))
	}
	defer enc.Release()
	for i := 0; i < len(commands); {
		if commands[i].Kernel == nil {
			if err := d.copy(enc, &commands[i], &d.steps[i]); err != nil {
				return err
			}
			i++
			continue
		}
		end := i
		for end < len(commands) && commands[end].Kernel != nil {
			end++
		}
		if err := d.pass(enc.BeginComputePass(nil), commands[i:end], d.steps[i:end]); err != nil {
			return err
		}
		i = end
	}
	if _, err := d.finish(enc); err != nil {
		return fmt.Errorf("wgpunative: submit of %s: %w", describeCommands(commands), err)
	}
	return nil
}

// prepare makes what the commands of the next submit need and writes their params
// to the arena.
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
		return step{}, fmt.Errorf("wgpunative: copy from %s: %w", c.Src.Buffer.Label, err)
	}
	dst, err := d.handle(c.Dst.Buffer)
	if err != nil {
		return step{}, fmt.Errorf("wgpunative: copy to %s: %w", c.Dst.Buffer.Label, err)
	}
	return step{src: src.buf, dst: dst.buf}, nil
}

func (d *Device) copy(enc *wgpu.CommandEncoder, c *gpu.Command, s *step) error {
	err := enc.CopyBufferToBuffer(s.src, uint64(c.Src.Offset), s.dst, uint64(c.Dst.Offset), uint64(c.Src.Size))
	if err = d.check(err); err != nil {
		return fmt.Errorf("wgpunative: copy from %s to %s: %w", c.Src.Buffer.Label, c.Dst.Buffer.Label, err)
	}
	return nil
}

// pass encodes dispatches as a compute pass that has begun, and ends it.
func (d *Device) pass(pass *wgpu.ComputePassEncoder, commands []gpu.Command, steps []step) error {
	if err := d.encode(pass, commands, steps); err != nil {
		if d.lost() == nil {
			commands = d.blame(commands, steps)
		}
		return fmt.Errorf("wgpunative: pass of %s: %w", describeCommands(commands), err)
	}
	return nil
}

func (d *Device) encode(pass *wgpu.ComputePassEncoder, commands []gpu.Command, steps []step) error {
	var pipe *pipeline
	for i := range steps {
		s := &steps[i]
		if s.pipe != pipe {
			pass.SetPipeline(s.pipe.compute)
			pipe = s.pipe
		}
		pass.SetBindGroup(0, s.group, nil)
		if s.params != nil {
			d.arena.offset[0] = s.offset
			pass.SetBindGroup(1, s.params.group, d.arena.offset)
		}
		g := commands[i].Groups
		pass.DispatchWorkgroups(g[0], g[1], g[2])
	}
	err := pass.End()
	pass.Release() // wgpu-native refuses to submit an encoder with a pass that lives
	return d.check(err)
}

// blame narrows commands, whose pass was refused, to the first that is refused
// alone: wgpu-native says what is wrong in a pass but not where. What is encoded
// for that is never submitted.
func (d *Device) blame(commands []gpu.Command, steps []step) []gpu.Command {
	for i := range commands {
		enc, err := d.dev.CreateCommandEncoder(nil)
		if err != nil {
			break
		}
		err = d.encode(enc.BeginComputePass(nil), commands[i:i+1], steps[i:i+1])
		enc.Release()
		if err != nil {
			return commands[i : i+1]
		}
	}
	return commands
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
