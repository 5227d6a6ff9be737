//go:build !js

package main

import (
	"errors"
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/wgpunative"
)

const deviceHelp = `device to run on: "auto" (a real GPU if there is one, else the CPU), "cpu", or "` + wgpunative.Name + `" (WebGPU through wgpu-native, on any adapter, a software one too)`

// openDevice opens the device called name and says in words what was chosen
// and why.
func openDevice(name string) (dev gpu.Device, why string, err error) {
	switch name {
	case "cpu":
		return cpudev.New(cpudev.Options{}), "asked for", nil
	case wgpunative.Name:
		dev, err := wgpunative.Open(wgpunative.Options{Adapter: -1})
		return dev, "asked for", err
	case "auto":
		return autoDevice()
	}
	return nil, "", usagef("-device %q, expected auto, cpu or %s", name, wgpunative.Name)
}

// autoDevice takes the best real GPU; else the CPU device, which beats a GPU
// driver that runs on the CPU.
func autoDevice() (gpu.Device, string, error) {
	i, why := autoAdapter(wgpunative.Adapters())
	if i >= 0 {
		dev, err := wgpunative.Open(wgpunative.Options{Adapter: i})
		if err == nil {
			return dev, why, nil
		}
		why = fmt.Sprintf("%s cannot be used: %v", why, err)
	}
	return cpudev.New(cpudev.Options{}), why, nil
}

// autoAdapter is the adapter that auto chooses, or -1 for the CPU device, with
// the reason.
func autoAdapter(adapters []wgpunative.Adapter, err error) (int, string) {
	switch {
	case errors.Is(err, gpu.ErrNoAdapter):
		return -1, err.Error()
	case err != nil:
		return -1, fmt.Sprintf("GPUs could not be listed: %v", err)
	case len(adapters) == 0:
		return -1, "no GPU adapter was found"
	}
	best, rank := -1, map[gpu.Kind]int{gpu.Discrete: 3, gpu.Integrated: 2, gpu.Virtual: 1}
	for i, a := range adapters {
		if r := rank[a.Info.Kind]; r > 0 && (best < 0 || r > rank[adapters[best].Info.Kind]) {
			best = i
		}
	}
	if best < 0 {
		return -1, fmt.Sprintf("no real GPU: %s is a %s, slower than the CPU device", adapters[0].Info.Name, adapters[0].Info.Kind)
	}
	return best, fmt.Sprintf("%s, a %s", adapters[best].Info.Name, adapters[best].Info.Kind)
}

// listDevices describes what openDevice can open, and which of it auto takes.
func listDevices() (infos []gpu.Info, auto int, why string) {
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	infos = append(infos, cpu.Info())
	adapters, err := wgpunative.Adapters()
	for _, a := range adapters {
		infos = append(infos, a.Info)
	}
	i, why := autoAdapter(adapters, err)
	return infos, i + 1, why
}

// nativeGPU is why this build has no native WebGPU, or "".
func nativeGPU() string {
	if _, err := wgpunative.Adapters(); errors.Is(err, gpu.ErrNoAdapter) {
		return err.Error()
	}
	return ""
}
