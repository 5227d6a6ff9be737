package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tokenselect/engine/tokenizer"
)

// Open reads a checkpoint: a GGUF file, alone or one of several of a split one; a
// .safetensors file with its config.json beside it; a Hugging Face folder, whose
// weights may be sharded; or a .bin file of llama2.c with its vocabulary beside it
// (OpenLlama2C). The weights stay in the files, which are mapped into memory where
// the platform can, until the model is closed. They must not be changed
// meanwhile.
func Open(path string) (*Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	var files files
	m, err := files.model(path, info.IsDir())
	if err != nil {
		return nil, errors.Join(err, files.close())
	}
	m.files = files
	return m, nil
}

// files are those of a checkpoint, open.
type files []io.Closer

func (f files) close() error {
	var all error
	for _, c := range f {
		all = errors.Join(all, c.Close())
	}
	return all
}

// open opens a file to be read as it is needed.
func (f *files) open(path string) (Part, error) {
	r, size, err := openSource(path)
	if err != nil {
		return Part{}, fmt.Errorf("weights: %w", err)
	}
	*f = append(*f, r)
	return Part{Name: path, R: r, Size: size}, nil
}

func (f *files) model(path string, folder bool) (*Model, error) {
	if folder {
		return f.folder(path, "")
	}
	if strings.HasSuffix(path, ".safetensors") {
		return f.folder(filepath.Dir(path), filepath.Base(path))
	}
	p, err := f.open(path)
	if err != nil {
		return nil, err
	}
	start := make([]byte, min(p.Size, int64(len(ggufMagic))))
	if err := readFull(p.R, start, 0); err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	switch {
	case len(start) == 0:
		return nil, fmt.Errorf("weights: %s: the file is empty", path)
	case string(start) == ggufMagic:
		return f.gguf(p)
	case strings.HasSuffix(path, ".bin"):
		m, err := openLlama2CBeside(p)
		if err != nil {
			return nil, fmt.Errorf("%w; it starts with %q, so that it is no GGUF file either", err, start)
		}
		return m, nil
	}
	return nil, fmt.Errorf("weights: %s: starts with %q, expected %q: neither a GGUF file nor one called .safetensors or .bin", path, start, ggufMagic)
}

// gguf reads a GGUF file and the others of its checkpoint.
func (f *files) gguf(p Part) (*Model, error) {
	head, err := p.read()
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", p.Name, err)
	}
	_, count, err := head.split()
	var names []string
	if err == nil && count > 1 {
		names, err = splitNames(p.Name, count)
	}
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", p.Name, err)
	}
	heads := []*ggufFile{head}
	for _, name := range names {
		if name == filepath.Clean(p.Name) {
			continue
		}
		other, err := f.open(name)
		if err != nil {
			return nil, fmt.Errorf("weights: %s: one of %d files of a checkpoint: %w", p.Name, count, errors.Unwrap(err))
		}
		if head, err = other.read(); err != nil {
			return nil, fmt.Errorf("weights: %s: %w", name, err)
		}
		heads = append(heads, head)
	}
	return newModel(p.Name, heads)
}

// folder reads a Hugging Face folder; file is the one of its weights, or "" to look
// for it.
func (f *files) folder(dir, file string) (*Model, error) {
	configPath := filepath.Join(dir, "config.json")
	raw, err := os.ReadFile(configPath)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	c, err := ParseConfig(configPath, raw)
	if err != nil {
		return nil, err
	}
	m := &Model{Path: filepath.Join(dir, file), Config: c}
	if abs, err := filepath.Abs(dir); err == nil {
		m.Config.Name = filepath.Base(abs)
	}
	if m.Tensors, err = f.tensors(dir, file); err != nil {
		return nil, err
	}
	if m.Tokenizer, err = readTokenizer(dir, c); err != nil {
		return nil, err
	}
	if m.Tokenizer != nil {
		if err := addEnds(m.Tokenizer, dir); err != nil {
			return nil, err
		}
	}
	return m, m.finish()
}

func (f *files) tensors(dir, file string) (map[string]Tensor, error) {
	if file == "" {
		file = "model.safetensors"
		if _, err := os.Stat(filepath.Join(dir, file)); errors.Is(err, fs.ErrNotExist) {
			return f.shards(dir)
		}
	}
	return f.safetensors(filepath.Join(dir, file))
}

func (f *files) safetensors(path string) (map[string]Tensor, error) {
	p, err := f.open(path)
	if err != nil {
		return nil, err
	}
	tensors, err := openSafetensors(p.R, p.Size)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	return tensors, nil
}

// shards reads the files that model.safetensors.index.json names.
func (f *files) shards(dir string) (map[string]Tensor, error) {
	indexPath := filepath.Join(dir, "model.safetensors.index.json")
	raw, err := os.ReadFile(indexPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("weights: %s: neither model.safetensors nor model.safetensors.index.json is there", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("weights: %s: %w", indexPath, err)
	}
	shards, all := map[string]map[string]Tensor{}, map[string]Tensor{}
	for name, file := range index.WeightMap {
		if file != filepath.Base(file) || !filepath.IsLocal(file) {
			return nil, fmt.Errorf("weights: %s: weight_map: tensor %s is in %q, expected the name of a file in the same folder", indexPath, name, file)
		}
		if shards[file] == nil {
			if shards[file], err = f.safetensors(filepath.Join(dir, file)); err != nil {
				return nil, fmt.Errorf("%w (named in weight_map of %s)", err, filepath.Base(indexPath))
			}
		}
		t, ok := shards[file][name]
		if !ok {
			return nil, fmt.Errorf("weights: %s: weight_map: tensor %s is not in %s", indexPath, name, file)
		}
		all[name] = t
	}
	for file, tensors := range shards {
		for name := range tensors {
			if in := index.WeightMap[name]; in != file {
				return nil, fmt.Errorf("weights: %s: weight_map: tensor %s is in %s, expected in %q", indexPath, name, file, in)
			}
		}
	}
	return all, nil
}

// readTokenizer reads tokenizer.json, or vocab.json and merges.txt; nil where
// there is neither.
func readTokenizer(dir string, c Config) (*tokenizer.Spec, error) {
	read := func(name string) ([]byte, error) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return b, err
	}
	var files [4][]byte
	for i, name := range []string{"tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"} {
		var err error
		if files[i], err = read(name); err != nil {
			return nil, fmt.Errorf("weights: %w", err)
		}
	}
	var spec tokenizer.Spec
	var err error
	switch {
	case files[0] != nil:
		spec, err = tokenizer.FromJSON(filepath.Join(dir, "tokenizer.json"), files[0], files[3])
	case files[1] != nil && files[2] != nil:
		if c.Architecture != "qwen2" && c.Architecture != "qwen3" {
			return nil, fmt.Errorf("weights: %s: tokenizer.json is missing: vocab.json and merges.txt do not say how text is split", dir)
		}
		spec, err = tokenizer.FromVocabMerges(filepath.Join(dir, "vocab.json"), files[1], files[2], files[3], "qwen2")
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &spec, nil
}

// addEnds takes the tokens that end an answer from generation_config.json, or
// from config.json where that says nothing.
func addEnds(spec *tokenizer.Spec, dir string) error {
	found, err := addEndsOf(spec, filepath.Join(dir, "generation_config.json"))
	if err == nil && !found {
		_, err = addEndsOf(spec, filepath.Join(dir, "config.json"))
	}
	return err
}

// addEndsOf reports whether the file names any.
func addEndsOf(spec *tokenizer.Spec, path string) (bool, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("weights: %w", err)
	}
	var g struct {
		EOS idList `json:"eos_token_id"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		return false, fmt.Errorf("weights: %s: %w", path, err)
	}
	for _, id := range g.EOS {
		if id < 0 || id >= len(spec.Tokens) {
			return false, fmt.Errorf("weights: %s: eos_token_id is %d, expected 0 to %d", path, id, len(spec.Tokens)-1)
		}
		if spec.EOS < 0 {
			spec.EOS = id
		} else if id != spec.EOS && !slices.Contains(spec.EOT, id) {
			spec.EOT = append(spec.EOT, id)
		}
	}
	return len(g.EOS) > 0, nil
}
