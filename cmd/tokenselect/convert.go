package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"tokenselect/engine/weights"
)

func runConvert(_ context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	kind := fs.String("type", "q8_0", "how matrices are stored: `q8_0` (8 bits and a scale for every 32) or f16")
	if err := parse(fs, args); err != nil {
		return err
	}
	types := map[string]weights.Type{"q8_0": weights.Q8_0, "f16": weights.F16}
	t, ok := types[*kind]
	if !ok {
		return usagef("-type %q, expected q8_0 or f16", *kind)
	}
	if fs.NArg() != 2 {
		return usagef("%d arguments, expected IN (a Hugging Face folder, a safetensors or a GGUF file, or the name of a pulled model) and OUT (the GGUF file to write)", fs.NArg())
	}
	in, out := fs.Arg(0), fs.Arg(1)
	path, err := modelPath(in)
	if err != nil {
		return err
	}
	m, err := weights.Open(path)
	if err != nil {
		return err
	}
	size, err := writeGGUF(out, m, t)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %d tensors as %s, %s\n", out, len(m.Tensors), *kind, byteSize(size))
	return nil
}

// writeGGUF writes to a temporary file first, so that a failure leaves no half
// of one, nor harms a file that was there.
func writeGGUF(out string, m *weights.Model, t weights.Type) (int64, error) {
	tmp, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".part*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	w := bufio.NewWriterSize(tmp, 1<<20)
	if err := weights.WriteGGUF(w, m, t); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	info, err := tmp.Stat()
	if err != nil {
		return 0, err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return 0, err
	}
	if err := tmp.Close(); err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(tmp.Name(), out)
}
