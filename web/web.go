// Package web holds what the program carries with it: the page and the default
// model.
package web

import (
	"embed"
	"io/fs"
)

//go:embed static
var static embed.FS

// Static is the page's files, index.html at the root.
func Static() fs.FS {
	sub, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the name is a constant and valid
	}
	return sub
}

// The default model: needle-16m in Q8_0, made by
//
//	tokenselect convert -type q8_0 needle-16m needle-16m-q8_0.gguf
//
//go:embed models/needle-16m-q8_0.gguf
var model []byte

// DefaultModel is the built-in model, a GGUF file, and its name. The bytes must
// not be changed.
func DefaultModel() (name string, data []byte) { return "needle-16m-q8_0.gguf (built in)", model }
