//go:build js

package webgpujs

import (
	"context"
	"errors"
	"fmt"

	"tokenselect/engine/gpu"
)

// maxBindings is the number of storage buffers that every WebGPU device lets a
// kernel see.
const maxBindings = 8

// pipeline is a compiled kernel.
type pipeline struct {
	id     int
	params int // bytes bound as group 1, 0: none

	// The params of its last dispatch, which the next one often repeats.
	submit, offset int
}

// pipelines compiles the kernels of commands that are new, all at a time.
func (d *Device) pipelines(commands []gpu.Command) error {
	type compiling struct {
		kernel *gpu.Kernel
		src    gpu.Source
		pipe   *pipeline
		req    *request
	}
	var started []compiling
	var first error
	for i := range commands {
		k := commands[i].Kernel
		if k == nil || d.pipes[k] != nil || first != nil {
			continue
		}
		src, err := source(k, d.info)
		if err != nil {
			first = err
			continue
		}
		d.kernels++
		c := compiling{k, src, &pipeline{id: d.kernels, params: (k.Params + 15) &^ 15, submit: -1}, newRequest()}
		written := make([]byte, len(k.Bindings))
		for i, b := range k.Bindings {
			written[i] = 'r'
			if b.Access == gpu.ReadWrite {
				written[i] = 'w'
			}
		}
		d.host.compile.Invoke(c.req.id, c.pipe.id, k.Name, src.Text, string(written), c.pipe.params)
		d.pipes[k] = c.pipe
		started = append(started, c)
	}
	for _, c := range started {
		if err := d.wait(context.Background(), c.req); err != nil {
			delete(d.pipes, c.kernel)
			if first == nil {
				first = shaderError(c.kernel, c.src, err)
			}
		}
	}
	return first
}

// source is the text of the best shader of k that the device can run.
func source(k *gpu.Kernel, dev gpu.Info) (gpu.Source, error) {
	if len(k.Bindings) > maxBindings {
		return gpu.Source{}, fmt.Errorf("webgpujs: kernel %s: %d bindings, expected at most %d: %w", k.Name, len(k.Bindings), maxBindings, gpu.ErrLimit)
	}
	src, err := k.Shaders(dev)[0].WGSL()
	if err != nil {
		return src, wrap(err, "kernel %s", k.Name)
	}
	if src.Text == "" {
		return src, &gpu.ShaderError{Kernel: k.Name, Message: "the WGSL text is empty"}
	}
	return src, nil
}

// shaderError is err, which came up while k was compiled, with its place in the
// source file. Errors that are not the shader's fault stay what they are.
func shaderError(k *gpu.Kernel, src gpu.Source, err error) error {
	var s *shaderTrouble
	if !errors.As(err, &s) {
		return wrap(err, "kernel %s", k.Name)
	}
	e := &gpu.ShaderError{Kernel: k.Name, Message: s.message}
	if s.line > 0 && src.Locate != nil {
		e.File, e.Line = src.Locate(s.line)
	}
	return e
}
