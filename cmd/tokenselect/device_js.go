package main

import (
	"context"
	"flag"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/webgpujs"
)

const autoHelp = "a real GPU if there is one, else the CPU"

// patience is none: JavaScript tells when a device is lost, and a goroutine of
// its own for each call would not run meanwhile.
const patience = 0

var sources = []source{webgpuSource, cpuInWasm()}

// webgpuSource is the GPU that the JavaScript host gives.
var webgpuSource = source{
	name: "webgpu", help: "that of the JavaScript host, a software one too", trusts: true,
	list: func(*deviceFlags) ([]adapter, error) {
		d, err := webgpujs.Open(context.Background(), webgpujs.Options{})
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return []adapter{{info: d.Info()}}, nil
	},
	open: func(f *deviceFlags, i int) (gpu.Device, error) {
		if i > 0 {
			return nil, usagef("%s webgpu:%d, expected webgpu: the host gives one", f.flag(), i)
		}
		return openHost(f)
	},
}

func addLibraryFlag(*flag.FlagSet, *deviceFlags) {}
