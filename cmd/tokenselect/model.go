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

// openModel reads the checkpoint at path, or the built-in one where path is "".
func openModel(path string) (*weights.Model, error) {
	if path == "" {
		name, data := web.DefaultModel()
		return weights.ParseGGUF(name, data)
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
