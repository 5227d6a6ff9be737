package main

import (
	"context"
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/webgpujs"
)

const deviceHelp = `device to run on: "auto" (a real GPU if there is one, else the CPU), "cpu", or "webgpu" (that of the JavaScript host, a software one too)`

// openDevice opens the device called name and says in words what was chosen
// and why.
func openDevice(name string) (dev gpu.Device, why string, err error) {
	switch name {
	case "cpu":
		return cpudev.New(cpudev.Options{}), "asked for", nil
	case "webgpu":
		dev, err := webgpujs.Open(context.Background(), webgpujs.Options{})
		return dev, "asked for", err
	case "auto":
		dev, err := webgpujs.Open(context.Background(), webgpujs.Options{})
		if err != nil {
			return cpudev.New(cpudev.Options{}), err.Error(), nil
		}
		info := dev.Info()
		if info.Kind == gpu.Software {
			dev.Close()
			return cpudev.New(cpudev.Options{}), fmt.Sprintf("%s is a %s, slower than the CPU device", info.Name, info.Kind), nil
		}
		return dev, fmt.Sprintf("%s, a %s", info.Name, info.Kind), nil
	}
	return nil, "", usagef("-device %q, expected auto, cpu or webgpu", name)
}

// listDevices describes what openDevice can open, and which of it auto takes.
func listDevices() (infos []gpu.Info, auto int, why string) {
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	infos = append(infos, cpu.Info())
	dev, err := webgpujs.Open(context.Background(), webgpujs.Options{})
	if err != nil {
		return infos, 0, err.Error()
	}
	defer dev.Close()
	info := dev.Info()
	infos = append(infos, info)
	if info.Kind == gpu.Software {
		return infos, 0, fmt.Sprintf("%s is a %s, slower than the CPU device", info.Name, info.Kind)
	}
	return infos, 1, fmt.Sprintf("%s, a %s", info.Name, info.Kind)
}

func nativeGPU() string { return "" }
