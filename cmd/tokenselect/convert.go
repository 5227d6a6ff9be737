package main

import (
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
name is that of a GGUF file. A folder that is there is refused if it holds
anything else than a model that convert wrote`

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
	if out == "" {
		return usagef("OUT is empty, expected the file or folder to write")
	}
	info, err := os.Stat(out)
	folder := err == nil && info.IsDir() || os.IsPathSeparator(out[len(out)-1])
	hf := folder || strings.HasSuffix(out, ".safetensors")
	kind := cmp.Or(c.kind, map[bool]string{true: "f16", false: "q8_0"}[hf])
	t := convertTypes[kind]
	if hf && t != weights.F16 && t != weights.BF16 && t != weights.F32 {
		return usagef("-type %q for a file of safetensors, expected %s", kind, floatNames)
	}
	target := out // the file of the weights
	if folder {
		target = filepath.Join(out, "model.safetensors")
		err = checkModelFolder(out)
	} else {
		err = checkWritable(out)
	}
	if err != nil {
		return err
	}
	if c.random == "" {
		path, err := modelPath(in)
		if err != nil {
			return err
		}
		if sameFile(path, target) || hf && sameFile(path, filepath.Dir(target)) {
			return usagef("%s is read and would be written at once, expected another OUT than IN", in)
		}
	}
	m, opened, err := c.open(in, t)
	if err != nil {
		return err
	}
	defer opened.Close()
	var size int64
	if folder {
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
	}
	if hf {
		size, err = writeHF(target, m, t)
	} else {
		size, err = writeFile(out, func(w io.Writer) error { return weights.WriteGGUF(w, m, t) })
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %d tensors as %s, %s\n", out, len(m.Tensors), kind, byteSize(size))
	return nil
}

// sameFile tells whether two paths lead to the same file or folder, which is there.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	other, missing := os.Stat(b)
	return err == nil && missing == nil && os.SameFile(one, other)
}

// folderNames are the files that make a model of a folder; convert writes no others.
var folderNames = []string{"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}

// checkModelFolder tells before there is anything to write whether a model can go into a
// folder: one that holds nothing but a model that convert wrote, or one that can be
// made.
func checkModelFolder(out string) error {
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) {
		there := filepath.Clean(out)
		for errors.Is(err, fs.ErrNotExist) && there != filepath.Dir(there) {
			there = filepath.Dir(there)
			_, err = os.Stat(there)
		}
		f, err := os.CreateTemp(there, "")
		if err != nil {
			return named(out, err)
		}
		return named(out, errors.Join(f.Close(), os.Remove(f.Name())))
	}
	if err != nil {
		return named(out, err)
	}
	for _, e := range entries {
		if !slices.Contains(folderNames, e.Name()) {
			return fmt.Errorf("%s holds %s, which is no file of a model that convert writes: expected a new or empty folder, or one with such a model", out, e.Name())
		}
	}
	return checkWritable(filepath.Join(out, folderNames[0]))
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

// writeHF writes the files of a Hugging Face folder; target is that of the weights,
// which come last: a folder without them is seen not to be whole.
func writeHF(target string, m *weights.Model, t weights.Type) (int64, error) {
	files, err := m.FolderFiles(t)
	if err != nil {
		return 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeBytes(filepath.Join(filepath.Dir(target), name), files[name]); err != nil {
			return 0, err
		}
	}
	return writeFile(target, func(w io.Writer) error { return weights.WriteSafetensors(w, m, t) })
}
