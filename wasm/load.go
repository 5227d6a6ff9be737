//go:build js

package main

import (
	"context"
	"errors"
	"fmt"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/webgpujs"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
	"tokenselect/engine/weights"
)

// load answers the command load: the files, more than one of a split model, have
// been fetched by JavaScript and are Blobs, which may be on disk.
func (p *port) load(ctx context.Context, c trace.Command, progress func(string, int64, int64)) (session.Loaded, error) {
	files, ok := p.blobs[c.ID]
	delete(p.blobs, c.ID)
	if !ok {
		return session.Loaded{}, session.Coded(trace.BadCommand, errors.New("load: no file came with the command"))
	}
	dev, why, err := openDevice(ctx, c.Device)
	if err != nil {
		return session.Loaded{}, err
	}
	name := c.Model
	if name == "" {
		name = "model"
	}
	parts, size := partsOf(ctx, files, name)
	progress("upload", 0, size)
	m, err := openModel(dev, c, name, parts)
	if err != nil {
		dev.Close()
		return session.Loaded{}, err
	}
	progress("upload", size, size)
	progress("compile", 0, 1)
	rate, err := m.Warm(ctx)
	if err != nil {
		m.Close()
		dev.Close()
		return session.Loaded{}, err
	}
	progress("compile", 1, 1)
	p.computing = dev.Info().Kind == gpu.CPU
	return session.Loaded{
		Model: m, Info: trace.Info{Why: why, Rate: rate},
		Release: func() { m.Close(); dev.Close() },
	}, nil
}

// openModel reads the checkpoint in parts and puts it on dev.
func openModel(dev gpu.Device, c trace.Command, name string, parts []weights.Part) (*session.Model, error) {
	ckpt, err := readCheckpoint(dev, name, parts)
	if err != nil {
		return nil, session.Coded(trace.BadModel, err)
	}
	return session.Load(dev, ckpt, engine.Options{Cache: c.KV})
}

// readCheckpoint reads the headers for a GPU, which fetches the weights itself,
// and the whole files for the CPU device, whose memory is Go's.
func readCheckpoint(dev gpu.Device, name string, parts []weights.Part) (*weights.Model, error) {
	if _, ok := dev.(gpu.Importer); ok {
		return weights.OpenGGUFParts(name, parts...)
	}
	files := make([][]byte, len(parts))
	for i, p := range parts {
		files[i] = make([]byte, p.Size)
		if _, err := p.R.ReadAt(files[i], 0); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return weights.ParseGGUFParts(name, files...)
}

// openDevice opens the device called name and says why it was taken.
func openDevice(ctx context.Context, name string) (gpu.Device, string, error) {
	cpu := func(why string) (gpu.Device, string, error) {
		return cpudev.New(cpudev.Options{Workers: 1}), why, nil
	}
	switch name {
	case "cpu":
		return cpu("asked for")
	case "webgpu":
		dev, err := webgpujs.Open(ctx, webgpujs.Options{})
		return dev, "asked for", err
	case "", "auto":
		dev, err := webgpujs.Open(ctx, webgpujs.Options{})
		switch {
		case errors.Is(err, gpu.ErrNoAdapter):
			return cpu(err.Error())
		case err != nil:
			return cpu(fmt.Sprintf("WebGPU is there, but cannot be used: %v", err))
		case dev.Info().Kind == gpu.Software:
			defer dev.Close()
			return cpu(fmt.Sprintf("the only GPU is %s, which runs on the CPU and is slower than the CPU device", dev.Info().Name))
		}
		return dev, string(dev.Info().Kind), nil
	}
	return nil, "", session.Coded(trace.BadCommand, fmt.Errorf("load: device %q, expected auto, webgpu or cpu", name))
}
