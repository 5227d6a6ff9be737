//go:build !js

package main

import (
	"io/fs"
	"strings"

	"tokenselect/engine/kernels"
	"tokenselect/shaders"
)

// addSources adds to the page's files what it shows of the program itself, under
// source/ as in the repository: shaders, and the twins of their kernels.
func addSources(files map[string][]byte) error {
	for _, from := range []struct {
		dir string
		fs  fs.FS
	}{{"source/shaders/", shaders.Sources()}, {"source/engine/kernels/", kernels.Sources}} {
		err := fs.WalkDir(from.fs, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
				return err
			}
			raw, err := fs.ReadFile(from.fs, name)
			files[from.dir+name] = raw
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
