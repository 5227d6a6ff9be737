package main

import (
	"fmt"
	"runtime"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
)

// roomJS is what buffers may take of WebAssembly's 4 GiB.
const roomJS = 7 << 29

// inWasm is the CPU device in WebAssembly, where Go ends a program that asks for more
// memory than there is: what does not fit is refused before.
type inWasm struct{ *cpudev.Device }

func (d inWasm) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if !fitsJS(size) {
		if runtime.GC(); !fitsJS(size) {
			return nil, fmt.Errorf("cpu: buffer %s: %d bytes, less is free of WebAssembly's 4 GiB: %w", label, size, gpu.ErrOutOfMemory)
		}
	}
	return d.Device.NewBuffer(label, size)
}

func fitsJS(size int) bool {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse+uint64(size) <= roomJS
}

// cpuInWasm is the source of it.
func cpuInWasm() source {
	s := cpuSource
	s.open = func(f *deviceFlags, i int) (gpu.Device, error) {
		dev, err := cpuSource.open(f, i)
		if err != nil {
			return nil, err
		}
		return inWasm{dev.(*cpudev.Device)}, nil
	}
	return s
}
