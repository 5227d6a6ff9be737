package main

import (
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// modelHelp explains the flag of which model.
const modelHelp = "`model` to run: a GGUF file, a safetensors file with its config.json beside it, a Hugging Face folder, or the name of a pulled model such as owner/name:Q8_0; default: the built-in needle-16m"

// openModel reads the checkpoint that is at a path, or was pulled under that name,
// or the built-in one where it is "".
func openModel(name string) (*weights.Model, error) {
	if name == "" {
		name, data := web.DefaultModel()
		return weights.ParseGGUF(name, data)
	}
	path, err := modelPath(name)
	if err != nil {
		return nil, err
	}
	return weights.Open(path)
}
