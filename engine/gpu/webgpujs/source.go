// Package webgpujs is a gpu.Device on JavaScript's navigator.gpu: of a page, of
// a worker, or of Node with an implementation of WebGPU.
//
// Crossing from Go to JavaScript costs more than a dispatch does, so that Go
// only writes a list of what is to be done, and one call hands over the place of
// the list in WebAssembly's memory. The other half, [Source], reads it there,
// and puts what is read back from the GPU there too.
package webgpujs

import _ "embed"

// Source is the JavaScript half, an ES module. Whoever starts the WebAssembly
// imports it and calls its function attach(go, instance) before go.run(instance).
//
//go:embed webgpu.js
var Source []byte
