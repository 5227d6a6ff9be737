package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tokenselect/engine/tokenizer"
)

// Open reads a checkpoint: a GGUF file, a .safetensors file with its
// config.json beside it, or a Hugging Face folder, whose weights may be sharded.
func Open(path string) (*Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if info.IsDir() {
		return openFolder(path, "")
	}
	if strings.HasSuffix(path, ".safetensors") {
		return openFolder(filepath.Dir(path), filepath.Base(path))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("weights: %s: the file is empty", path)
	}
	if !bytes.HasPrefix(data, []byte(ggufMagic)) {
		start := data[:min(len(data), 4)]
		return nil, fmt.Errorf("weights: %s: starts with %q, expected %q: neither a GGUF file nor one called .safetensors", path, start, ggufMagic)
	}
	return ParseGGUF(path, data)
}

// openFolder reads a Hugging Face folder; file is the one of its weights, or ""
// to look for it.
func openFolder(dir, file string) (*Model, error) {
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
	if m.Tensors, err = readTensors(dir, file); err != nil {
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

func readTensors(dir, file string) (map[string]Tensor, error) {
	if file == "" {
		file = "model.safetensors"
		if _, err := os.Stat(filepath.Join(dir, file)); errors.Is(err, fs.ErrNotExist) {
			return readShards(dir)
		}
	}
	path := filepath.Join(dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	return ParseSafetensors(path, data)
}

// readShards reads the files that model.safetensors.index.json names.
func readShards(dir string) (map[string]Tensor, error) {
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
		path := filepath.Join(dir, file)
		if shards[file] == nil {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("weights: %s: weight_map: %w", indexPath, err)
			}
			if shards[file], err = ParseSafetensors(path, data); err != nil {
				return nil, err
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
