package main

import (
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// openModel reads the checkpoint at path, or the built-in one where path is "".
func openModel(path string) (*weights.Model, error) {
	if path == "" {
		name, data := web.DefaultModel()
		return weights.ParseGGUF(name, data)
	}
	return weights.Open(path)
}
