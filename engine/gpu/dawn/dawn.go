//go:build !js

// Package dawn is a gpu.Device on Dawn, Chromium's WebGPU, whose library is
// looked for and loaded when a device is opened: nothing of it is linked, and a
// program that uses the package runs where the library is not. It calls Dawn's C
// API through purego, with cgo and without.
//
// Dawn has had several versions of that API. What differs between them is told
// apart by what the library has and does, never by a version number:
//
//   - An instance that may wait with a timeout is asked for in one struct where
//     wgpuGetInstanceCapabilities exists and in another where it does not.
//   - Entries of a bind group layout have the field bindingArraySize or have it
//     not; a layout made when a device is opened shows which.
//   - The callback for work that is done has got another argument in front of
//     its user data, so that nothing but its being called counts.
//   - Structs that the library fills have room for fields to come, and of
//     structs that it reads only fields are set that all versions have.
//   - Text is passed to callbacks in two registers, or by a pointer on Windows
//     for amd64. Structs are passed by value or by a pointer to a copy.
package dawn

import "tokenselect/engine/gpu"

// Adapter is a GPU, or a driver that stands in for one, that Open can open.
type Adapter struct {
	// Info has the limits that the device will have.
	Info     gpu.Info
	Library  string   // the file that Dawn was loaded from
	Features []string // all that the adapter can do beyond WebGPU's minimum
}

// Options choose what Open opens.
type Options struct {
	Library string   // of Dawn: a file, or a folder that has one; "": look for it
	Adapter int      // an index into what Adapters returned; -1: the best
	Without []string // features, of gpu.FeatureNames, that are not to be used
}
