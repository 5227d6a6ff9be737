//go:build !js && cgo

// Package wgpu is one name for two Go bindings of wgpu-native: that of
// github.com/cogentcore/webgpu, and with the build tag gowebgpu that of
// github.com/rajveermalviya/go-webgpu. The first descends from the second, so
// that the same code compiles with either; but both bring their own version of
// one C library, and no program can have two of it.
package wgpu
