package main

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
)

// cpuSource is this project's own CPU device.
var cpuSource = source{
	name: "cpu", help: "this project's own, on all cores",
	list: func(*deviceFlags) ([]adapter, error) {
		d := cpudev.New(cpudev.Options{})
		defer d.Close()
		return []adapter{{info: d.Info()}}, nil
	},
	open: func(f *deviceFlags, i int) (gpu.Device, error) {
		if i > 0 {
			return nil, usagef("%s cpu:%d, expected cpu: there is one", f.flag(), i)
		}
		return cpudev.New(cpudev.Options{}), nil
	},
}
