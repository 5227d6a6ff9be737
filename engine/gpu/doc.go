// Package gpu is the seam between the engine and whatever runs its kernels:
// a GPU through WebGPU, or the cores of the CPU.
//
// The seam is a recording, not a tensor library. A step of the model is a list
// of dispatches over buffers (a [Recording]) and is handed to a [Device] in one
// call, so that a device whose calls are dear (a GPU queue, the border between
// WebAssembly and JavaScript) pays once a step. Nothing is read back inside a
// step.
//
// A [Kernel] is plain data: its WGSL text for devices that compile shaders and
// its Go twin for the one that does not. Both have the same bindings in the
// same order.
package gpu
