//go:build !js

// Package wgpunative is a gpu.Device on the system's own GPU driver (Vulkan,
// Metal or Direct3D 12) through wgpu-native. It needs cgo; a build without cgo
// has the same functions, which say so. The build tag gowebgpu chooses the other
// of the two bindings that internal/wgpu has.
package wgpunative

import "tokenselect/engine/gpu"

// Adapter is a GPU, or a driver that stands in for one, that Open can open.
type Adapter struct {
	// Info has the limits that the device will have.
	Info gpu.Info
}

// Options choose what Open opens.
type Options struct {
	Adapter int // an index into what Adapters returned; -1: the best
}
