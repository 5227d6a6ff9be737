//go:build !js && cgo && gowebgpu

package wgpunative

// A Device is no gpu.Clock here: wgpu-native 0.17 takes no timestamps at the start
// and the end of a compute pass.
type clock struct{}
