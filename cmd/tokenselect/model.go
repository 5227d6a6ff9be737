package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"tokenselect/engine/chat"
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

// templateHelp explains the flag of a chat template.
const templateHelp = `how a conversation is laid out: a ` + "`file`" + ` with a chat template in Jinja, or chatml, llama2, llama3, mistral or zephyr`

// readTemplate is the chat template that a flag names: a family's name, or what
// is in a file.
func readTemplate(name string) (string, error) {
	if name == "" || slices.Contains(chat.Families(), name) {
		return name, nil
	}
	raw, err := os.ReadFile(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("-template: %w, and it is none of %s", err, strings.Join(chat.Families(), ", "))
	case len(raw) == 0:
		return "", fmt.Errorf("-template: %s is empty", name)
	}
	return string(raw), nil
}
