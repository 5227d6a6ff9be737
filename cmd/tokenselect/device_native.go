//go:build !js

package main

import (
	"flag"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/dawn"
	"tokenselect/engine/gpu/wgpunative"
)

const autoHelp = "a real GPU if there is one, through wgpu-native or Dawn, else the CPU"

const patience = gpu.Patience

var sources = []source{wgpuSource, dawnSource, cpuSource}

// wgpuSource is wgpu-native, which is linked.
var wgpuSource = source{
	name: wgpunative.Name, help: "WebGPU through wgpu-native, on any adapter, a software one too",
	list: func(*deviceFlags) ([]adapter, error) {
		found, err := wgpunative.Adapters()
		var list []adapter
		for _, a := range found {
			list = append(list, adapter{info: a.Info})
		}
		return list, err
	},
	open: func(_ *deviceFlags, i int) (gpu.Device, error) {
		return wgpunative.Open(wgpunative.Options{Adapter: i})
	},
}

// dawnSource is Dawn, whose library is loaded when it is asked for.
var dawnSource = source{
	name: "dawn", help: "WebGPU through Dawn, whose library -dawn-lib names", optional: true,
	list: func(f *deviceFlags) ([]adapter, error) {
		found, err := dawn.Adapters(f.dawnLib)
		var list []adapter
		for _, a := range found {
			list = append(list, adapter{a.Info, a.Library, a.Features})
		}
		return list, err
	},
	open: func(f *deviceFlags, i int) (gpu.Device, error) {
		return dawn.Open(dawn.Options{Library: f.dawnLib, Adapter: i, Without: f.without})
	},
}

func addLibraryFlag(fs *flag.FlagSet, f *deviceFlags) {
	fs.StringVar(&f.dawnLib, "dawn-lib", "", "`file` of Dawn's library, or the folder that has it; default: what DAWN_LIB names, else beside this program, else where the system keeps libraries")
}
