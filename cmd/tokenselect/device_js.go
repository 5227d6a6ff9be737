package main

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
)

const deviceHelp = `device to run on: "auto" or "cpu", which are the same in this build`

func openDevice(name string) (dev gpu.Device, why string, err error) {
	switch name {
	case "auto":
		return cpudev.New(cpudev.Options{}), "the only device of the WebAssembly build of this command", nil
	case "cpu":
		return cpudev.New(cpudev.Options{}), "asked for", nil
	}
	return nil, "", usagef("-device %q, expected auto or cpu", name)
}

func listDevices() (infos []gpu.Info, auto int, why string) {
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	return []gpu.Info{cpu.Info()}, 0, "the only device of the WebAssembly build of this command"
}

func nativeGPU() string { return "this is the WebAssembly build of the command" }
