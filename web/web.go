// Package web holds what the program ships with: the default model.
package web

import _ "embed"

// The data is checked against what the converter writes by a test of the
// weights; models/needle-16m has its card and the code that trained it.
//
//go:embed models/needle-16m-q8_0.gguf
var defaultModel []byte

// DefaultModel is the name of the built-in model and its GGUF file: 17 MB of
// Q8_0, in the program's own memory. It is not copied and must not be written to.
func DefaultModel() (name string, data []byte) {
	return "needle-16m-q8_0.gguf", defaultModel
}
