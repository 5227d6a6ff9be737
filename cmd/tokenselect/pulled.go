//go:build !js

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tokenselect/cmd/tokenselect/internal/hub"
	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/engine/weights"
)

// modelPath is where the weights of a model are that is named by its path, or as
// it was pulled.
func modelPath(name string) (string, error) {
	path, _, err := findModel(name)
	return path, err
}

// findModel is also the pulled model, nil for a path.
func findModel(name string) (string, *hub.Model, error) {
	_, err := os.Stat(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return name, nil, nil // weights says what is wrong with it
	}
	if filepath.IsAbs(name) || strings.HasPrefix(name, ".") {
		return "", nil, err
	}
	store, serr := hub.FindStore("", os.Getenv)
	if serr != nil {
		return "", nil, serr
	}
	m, ferr := store.Find(name)
	if ferr == nil {
		return m.Path, &m, nil
	}
	if errors.Is(ferr, hub.ErrNotPulled) {
		return "", nil, fmt.Errorf("there is no file or folder %q, and %w", name, ferr)
	}
	if _, perr := hub.ParseName(name); perr != nil && strings.Contains(name, "/") {
		return "", nil, err
	}
	return "", nil, ferr
}

// servedModel is a model that a server offers: a GGUF file, which may be split, as
// pages fetch it.
func servedModel(name string) (catalog.File, error) {
	path, pulled, err := findModel(name)
	if err != nil {
		return catalog.File{}, err
	}
	if !strings.HasSuffix(path, ".gguf") {
		return catalog.File{}, fmt.Errorf("%s is not a GGUF file, which pages need: 'tokenselect convert %s model.gguf' makes one, 'tokenselect serve -model model.gguf' offers it", name, name)
	}
	// The catalogue reads files in the background, and leaves out what is none.
	m, err := weights.Open(path)
	if err != nil {
		return catalog.File{}, err
	}
	if err := m.Close(); err != nil {
		return catalog.File{}, err
	}
	if pulled != nil {
		return catalog.File{Name: pulled.Name, Path: path}, nil
	}
	base := filepath.Base(path)
	if stem, _, count := weights.SplitName(base); count > 0 {
		return catalog.File{Name: stem, Path: path}, nil
	}
	return catalog.File{Name: strings.TrimSuffix(base, ".gguf"), Path: path}, nil
}
