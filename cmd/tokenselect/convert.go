package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tokenselect/engine/weights"
)

const convertAbout = `turn a checkpoint into a GGUF file, or into files of Hugging Face's layout.
IN is a folder of Hugging Face's layout, a safetensors or a GGUF file (any of a
split one), or a .bin file of llama2.c with its vocabulary beside it (tok512.bin
for 512 tokens, or tokenizer.bin). OUT is a folder (one that is there, or a name
that ends in /), or a name that ends in .safetensors, for Hugging Face's layout:
the weights with config.json and the tokenizer's files beside them. Any other
name is that of a GGUF file`

// convertTypes are what -type takes.
var convertTypes = map[string]weights.Type{"q8_0": weights.Q8_0, "q4_0": weights.Q4_0, "f16": weights.F16, "bf16": weights.BF16, "f32": weights.F32}

// typeNames are what -type takes for a GGUF file, and the floats of them.
const (
	typeNames  = "q8_0, q4_0, f16, bf16 or f32"
	floatNames = "f16, bf16 or f32"
)

// conversion is what convert is asked for.
type conversion struct {
	kind       string // as on the command line; "" where it says nothing
	random     string
	vocabulary string
}

func runConvert(_ context.Context, flags *flag.FlagSet, args []string, std stdio) error {
	var c conversion
	flags.StringVar(&c.kind, "type", "", "how matrices are stored: `q8_0` (8 bits and a scale for every 32, the default for GGUF), q4_0 (4 bits),\nf16 (the default for safetensors), bf16 or f32")
	flags.StringVar(&c.random, "random", "", "random weights of a `configuration` instead of IN: a config.json, or one of "+strings.Join(shapeNames(), ", "))
	flags.StringVar(&c.vocabulary, "vocabulary", "", "the `file` of llama2.c's vocabulary, where it is not beside IN")
	if err := parse(flags, args); err != nil {
		return err
	}
	if _, ok := convertTypes[c.kind]; !ok && c.kind != "" {
		return usagef("-type %q, expected %s", c.kind, typeNames)
	}
	if c.random != "" {
		if flags.NArg() != 1 || c.vocabulary != "" {
			return usagef("%d arguments with -random, expected OUT (the file or folder to write) and no -vocabulary", flags.NArg())
		}
		return c.write("", flags.Arg(0), std)
	}
	if flags.NArg() != 2 {
		return usagef("%d arguments, expected IN (a Hugging Face folder, a safetensors, GGUF or llama2.c file, or the name of a pulled model) and OUT (the file or folder to write)", flags.NArg())
	}
	return c.write(flags.Arg(0), flags.Arg(1), std)
}

// write converts in, or makes what is random, and writes out.
func (c conversion) write(in, out string, std stdio) error {
	info, err := os.Stat(out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	folder := err == nil && info.IsDir() || out != "" && os.IsPathSeparator(out[len(out)-1])
	hf := folder || strings.HasSuffix(out, ".safetensors")
	kind := cmp.Or(c.kind, map[bool]string{true: "f16", false: "q8_0"}[hf])
	t := convertTypes[kind]
	if hf && t != weights.F16 && t != weights.BF16 && t != weights.F32 {
		return usagef("-type %q for a file of safetensors, expected %s", kind, floatNames)
	}
	m, opened, err := c.open(in, t)
	if err != nil {
		return err
	}
	defer opened.Close()
	var size int64
	switch {
	case folder:
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		size, err = writeHF(out, "model.safetensors", m, t)
	case hf:
		size, err = writeHF(filepath.Dir(out), filepath.Base(out), m, t)
	default:
		size, err = writeFile(out, func(w io.Writer) error { return weights.WriteGGUF(w, m, t) })
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %d tensors as %s, %s\n", out, len(m.Tensors), kind, byteSize(size))
	return nil
}

// open also returns what is to be closed once the model has been written.
func (c conversion) open(in string, t weights.Type) (*weights.Model, io.Closer, error) {
	if c.random != "" {
		config, err := c.configuration()
		if err != nil {
			return nil, nil, err
		}
		if t != weights.Q4_0 { // of which the others are made
			t = weights.Q8_0
		}
		m, err := weights.Random(config, t, 1)
		return m, m, err
	}
	if c.vocabulary == "" {
		path, err := modelPath(in)
		if err != nil {
			return nil, nil, err
		}
		m, err := weights.Open(path)
		return m, m, err
	}
	vocabulary, err := os.ReadFile(c.vocabulary)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.Open(in)
	if err != nil {
		return nil, nil, err
	}
	m, err := openLlama2C(in, f, vocabulary)
	if err != nil {
		f.Close()
	}
	return m, f, err
}

func openLlama2C(name string, f *os.File, vocabulary []byte) (*weights.Model, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return weights.OpenLlama2C(name, f, info.Size(), vocabulary)
}

// configuration is that of -random.
func (c conversion) configuration() (weights.Config, error) {
	if !strings.HasSuffix(c.random, ".json") {
		return shapeNamed("-random", c.random)
	}
	raw, err := os.ReadFile(c.random)
	if err != nil {
		return weights.Config{}, err
	}
	config, err := weights.ParseConfig(c.random, raw)
	config.Name = "random"
	return config, err
}

// writeHF writes the files of a Hugging Face folder; file is that of the weights,
// which come last: a folder without them is seen not to be whole.
func writeHF(dir, file string, m *weights.Model, t weights.Type) (int64, error) {
	files, err := m.FolderFiles(t)
	if err != nil {
		return 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if _, err := writeFile(filepath.Join(dir, name), func(w io.Writer) error {
			_, err := w.Write(files[name])
			return err
		}); err != nil {
			return 0, err
		}
	}
	return writeFile(filepath.Join(dir, file), func(w io.Writer) error { return weights.WriteSafetensors(w, m, t) })
}

// writeFile writes to a temporary file first, so that a failure leaves no half of
// one, nor harms a file that was there.
func writeFile(out string, write func(io.Writer) error) (int64, error) {
	tmp, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".part*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	w := bufio.NewWriterSize(tmp, 1<<20)
	if err := write(w); err != nil {
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
