package weights

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tokenselect/web"
)

var tinyTokenizer = map[string]any{
	"added_tokens":  []any{map[string]any{"id": 3, "content": "<end>", "special": true}, map[string]any{"id": 4, "content": "<turn>", "special": true}},
	"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
	"model":         map[string]any{"type": "BPE", "vocab": map[string]int{"a": 0, "b": 1, "ab": 2}, "merges": []string{"a b"}},
}

// layout is a good Hugging Face folder's files.
func layout(m *Model) map[string]any {
	return map[string]any{"config.json": configJSON(m.Config), "model.safetensors": safetensors(m.Tensors), "tokenizer.json": tinyTokenizer}
}

func TestOpenFolder(t *testing.T) {
	for _, arch := range []string{"llama", "mistral", "qwen2", "qwen3"} {
		m := random(small(arch))
		dir := folder(t, layout(m))
		for _, path := range []string{dir, filepath.Join(dir, "model.safetensors")} {
			got, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, m)
			if got.Tokenizer == nil || len(got.Tokenizer.Tokens) != 5 {
				t.Errorf("tokenizer %+v, expected one of 5 tokens, fewer than the vocabulary's 12", got.Tokenizer)
			}
			if got.Config.Name != filepath.Base(dir) {
				t.Errorf("name %q, expected the folder's", got.Config.Name)
			}
		}
	}
}

// TestOpenEnds takes the tokens that end an answer from the first file with any.
func TestOpenEnds(t *testing.T) {
	for _, c := range []struct {
		name               string
		config, generation any
		eos                int
		eot                []int
		err                string
	}{
		{"nowhere", nil, nil, -1, nil, ""},
		{"config", 3, nil, 3, nil, ""},
		{"generation", nil, 4, 4, nil, ""},
		{"generation first", 3, 4, 4, nil, ""},
		{"several", 3, []int{4, 3, 4}, 4, []int{3}, ""},
		{"no token", nil, 5, 0, nil, "generation_config.json: eos_token_id is 5, expected 0 to 4"},
		{"negative", []int{3, -1}, nil, 0, nil, "config.json: eos_token_id is -1"},
		{"a word", nil, "end", 0, nil, "generation_config.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := layout(random(small("llama")))
			config := configJSON(small("llama"))
			config["eos_token_id"] = c.config
			files["config.json"], files["generation_config.json"] = config, map[string]any{"eos_token_id": c.generation}
			m, err := Open(folder(t, files))
			if c.err != "" {
				refused(t, err, c.err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.Tokenizer.EOS != c.eos || !slices.Equal(m.Tokenizer.EOT, c.eot) {
				t.Errorf("EOS %d and %v, expected %d and %v", m.Tokenizer.EOS, m.Tokenizer.EOT, c.eos, c.eot)
			}
		})
	}
}

// TestOpenTensors has weights that do not fit the configuration.
func TestOpenTensors(t *testing.T) {
	const k = "model.layers.1.self_attn.k_proj.weight"
	for _, c := range []struct {
		name  string
		arch  string
		spoil func(m *Model)
		want  []string
	}{
		{"missing", "llama", func(m *Model) { delete(m.Tensors, k) }, []string{k, "is missing"}},
		{"head missing", "qwen3", func(m *Model) { delete(m.Tensors, "lm_head.weight") }, []string{"lm_head.weight is missing"}},
		{"bias missing", "qwen2", func(m *Model) { delete(m.Tensors, "model.layers.0.self_attn.q_proj.bias") }, []string{"q_proj.bias is missing"}},
		{"transposed", "llama", func(m *Model) { x := m.Tensors[k]; x.Shape = []int{64, 16}; m.Tensors[k] = x }, []string{k, "[64 16]", "[16 64]"}},
		{"a dimension more", "llama", func(m *Model) { x := m.Tensors[k]; x.Shape = []int{1, 16, 64}; m.Tensors[k] = x }, []string{k, "[1 16 64]", "[16 64]"}},
		{"bias that the architecture has not", "llama", func(m *Model) {
			m.Tensors["model.layers.0.self_attn.o_proj.bias"] = Tensor{Name: "b", Type: F32, Shape: []int{64}, Data: make([]byte, 256)}
		}, []string{"o_proj.bias is not one of a llama model"}},
		{"a layer more", "llama", func(m *Model) {
			m.Tensors["model.layers.2.input_layernorm.weight"] = Tensor{Name: "b", Type: F32, Shape: []int{64}, Data: make([]byte, 256)}
		}, []string{"model.layers.2.input_layernorm.weight is not one of", "2 layers"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := random(small(c.arch))
			files := layout(m)
			c.spoil(m)
			files["model.safetensors"] = safetensors(m.Tensors)
			_, err := Open(folder(t, files))
			refused(t, err, append(c.want, "weights: ")...)
		})
	}
	infinite := random(small("llama"))
	copy(infinite.Tensors[k].Data[44:], "\x00\x00\x80\xff")
	later, err := Open(folder(t, layout(infinite)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = later.Tensors[k].Load() // which is when it is read
	refused(t, err, k, "value 11 is -Inf")
	m := random(small("llama"))
	m.Tensors["lm_head.weight"] = m.Tensors["model.embed_tokens.weight"]
	m.Tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = Tensor{Name: "f", Type: F32, Shape: []int{4}, Data: make([]byte, 16)}
	if _, err := Open(folder(t, layout(m))); err != nil {
		t.Errorf("a copy of tied embeddings and old frequencies: %v", err)
	}
	delete(m.Tensors, "model.embed_tokens.weight")
	got, err := Open(folder(t, layout(m)))
	if err != nil || got.Tensors["model.embed_tokens.weight"].Name != "model.embed_tokens.weight" || len(got.Tensors["lm_head.weight"].Shape) > 0 {
		t.Errorf("tied embeddings under the head's name: %v, %v", got, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	m := random(small("llama"))
	with := func(change map[string]any) string {
		files := layout(m)
		maps.Copy(files, change)
		return folder(t, files)
	}
	none := []byte(nil)
	long := maps.Clone(tinyTokenizer)
	long["added_tokens"] = []any{map[string]any{"id": 3, "content": "<end>", "special": true}, map[string]any{"id": 12, "content": "<turn>", "special": true}}
	file := func(name string, data []byte) string {
		return filepath.Join(folder(t, map[string]any{name: data}), name)
	}
	for _, c := range []struct {
		name, path string
		want       []string
	}{
		{"nothing there", filepath.Join(t.TempDir(), "none"), []string{"none", "o such file"}},
		{"empty folder", t.TempDir(), []string{"config.json"}},
		{"empty file", file("m.gguf", []byte{}), []string{"m.gguf: the file is empty"}},
		{"another kind of file", file("m.bin", []byte("PK\x03\x04")), []string{"m.bin", `"PK\x03\x04"`, "GGUF"}},
		{"no config", with(map[string]any{"config.json": none}), []string{"config.json"}},
		{"no weights", with(map[string]any{"model.safetensors": none}), []string{"model.safetensors.index.json"}},
		{"empty weights", with(map[string]any{"model.safetensors": []byte{}}), []string{"model.safetensors: 0 bytes"}},
		{"a tokenizer larger than the vocabulary", with(map[string]any{"tokenizer.json": long}), []string{"tokenizer", "12"}},
		{"a tokenizer that is none", with(map[string]any{"tokenizer.json": []byte("{")}), []string{"tokenizer.json"}},
		{"a vocabulary without its split", with(map[string]any{"tokenizer.json": none, "vocab.json": []byte("{}"), "merges.txt": []byte("a b\n")}), []string{"tokenizer.json is missing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(c.path)
			refused(t, err, c.want...)
		})
	}
	dir := with(map[string]any{"model.safetensors": none, "chat_template.jinja": []byte("{{ it }}"), "tokenizer_config.json": map[string]any{"chat_template": "old"}})
	if err := CheckFolder(dir); err != nil {
		t.Errorf("all but the weights: %v", err)
	}
	if spec, err := readTokenizer(dir, m.Config); err != nil || spec.ChatTemplate != "{{ it }}" {
		t.Errorf("template %+v (%v), expected that of chat_template.jinja", spec, err)
	}
	refused(t, CheckFolder(with(map[string]any{"model.safetensors": none, "tokenizer.json": []byte("{")})), "tokenizer.json")
	refused(t, CheckFolder(t.TempDir()), "config.json")
	got, err := Open(with(map[string]any{"tokenizer.json": none}))
	if err != nil {
		t.Fatal(err)
	}
	if got.Tokenizer != nil {
		t.Error("a tokenizer out of nothing")
	}
}

func TestOpenShards(t *testing.T) {
	m := random(small("qwen3"))
	parts := [2]map[string]Tensor{{}, {}}
	weightMap := map[string]string{}
	names := [2]string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
	for i, name := range slices.Sorted(maps.Keys(m.Tensors)) {
		parts[i%2][name] = m.Tensors[name]
		weightMap[name] = names[i%2]
	}
	const norm = "model.norm.weight"
	open := func(change func(weights map[string]string, parts *[2]map[string]Tensor)) (*Model, error) {
		w, p := maps.Clone(weightMap), [2]map[string]Tensor{maps.Clone(parts[0]), maps.Clone(parts[1])}
		if change != nil {
			change(w, &p)
		}
		return Open(folder(t, map[string]any{"config.json": configJSON(m.Config), names[0]: safetensors(p[0]), names[1]: safetensors(p[1]),
			"model.safetensors.index.json": map[string]any{"weight_map": w}}))
	}
	got, err := open(nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, m)
	for _, c := range []struct {
		name   string
		change func(w map[string]string, p *[2]map[string]Tensor)
		want   []string
	}{
		{"absent file", func(w map[string]string, _ *[2]map[string]Tensor) { w[norm] = "model-3.safetensors" }, []string{"index.json", "model-3.safetensors"}},
		{"not in its shard", func(w map[string]string, p *[2]map[string]Tensor) { delete(p[0], norm); delete(p[1], norm) }, []string{norm, "is not in model-0000"}},
		{"in another shard", func(w map[string]string, p *[2]map[string]Tensor) {
			delete(p[0], norm)
			delete(p[1], norm)
			p[map[string]int{names[0]: 1, names[1]: 0}[w[norm]]][norm] = m.Tensors[norm]
		}, []string{norm, "is not in model-0000"}},
		{"in two shards", func(w map[string]string, p *[2]map[string]Tensor) {
			p[0][norm], p[1][norm] = m.Tensors[norm], m.Tensors[norm]
		}, []string{norm, "is in model-0000", "expected in"}},
		{"not in the index", func(w map[string]string, _ *[2]map[string]Tensor) { delete(w, norm) }, []string{norm, `expected in ""`}},
		{"out of the folder", func(w map[string]string, _ *[2]map[string]Tensor) { w[norm] = "../" + names[0] }, []string{norm, "same folder"}},
		{"empty index", func(w map[string]string, _ *[2]map[string]Tensor) { clear(w) }, []string{"is missing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := open(c.change)
			refused(t, err, append(c.want, "weights: ")...)
		})
	}
}

// TestTinyModels opens a checkpoint of every architecture as transformers saved it.
func TestTinyModels(t *testing.T) {
	dir := filepath.Join("..", "testdata", "tiny-models")
	for name, kind := range map[string]string{"llama-untied": "F32", "llama3-rope": "BF16", "mistral-sharded": "F32", "qwen2-bias": "BF16", "qwen3-qknorm": "F16"} {
		m, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if m.Quantisation != kind || m.Config.Layers != 3 || m.Config.Hidden != 64 || (m.Config.RopeScaling != nil) != (name == "llama3-rope") {
			t.Errorf("%s: %s, %+v", name, m.Quantisation, m.Config)
		}
		if _, err := ParseGGUF(name, gguf(t, m, Q8_0)); err != nil {
			t.Errorf("converted: %v", err)
		}
	}
}

// TestConvertNeedle converts the float16 weights to the very file that was made
// for llama.cpp, which is the built-in model.
func TestConvertNeedle(t *testing.T) {
	m, err := Open(filepath.Join(shared(t), "models", "needle-16m"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(shared(t), "models", "needle-16m", "needle-16m-q8_0.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	if got := gguf(t, m, Q8_0); !bytes.Equal(got, want) {
		t.Errorf("%d bytes that differ from the %d expected", len(got), len(want))
	}
	if _, builtin := web.DefaultModel(); !bytes.Equal(builtin, want) {
		t.Error("the built-in model is another one")
	}
}

// TestRewriteBuiltin reads the built-in model and writes it again.
func TestRewriteBuiltin(t *testing.T) {
	name, want := web.DefaultModel()
	m, err := ParseGGUF(name, want)
	if err != nil {
		t.Fatal(err)
	}
	if got := gguf(t, m, Q8_0); !bytes.Equal(got, want) {
		t.Errorf("%d bytes that differ from the %d expected", len(got), len(want))
	}
	raw, err := json.Marshal(configJSON(m.Config))
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseConfig("config.json", raw)
	if err != nil {
		t.Fatal(err)
	}
	c.Name = m.Config.Name
	if !reflect.DeepEqual(c, m.Config) {
		t.Errorf("%+v from GGUF, %+v from config.json", m.Config, c)
	}
}

// FuzzShards: an index and the files that it names are refused, or every tensor of
// every file is there once.
func FuzzShards(f *testing.F) {
	names := []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
	shard := func(name string) []byte {
		return safetensors(map[string]Tensor{name: {Name: name, Type: BF16, Shape: []int{2}, Data: make([]byte, 4)}})
	}
	f.Add([]byte(`{"metadata":{"total_size":8},"weight_map":{"a":"`+names[0]+`","b":"`+names[1]+`"}}`), shard("a"), shard("b"))
	f.Add([]byte(`{"weight_map":{"a":"../`+names[0]+`"}}`), shard("a"), []byte(nil))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, index, first, second []byte) {
		for i, raw := range [][]byte{first, second, index} {
			if err := os.WriteFile(filepath.Join(dir, append(names, "model.safetensors.index.json")[i]), raw, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var open files
		defer func() {
			if err := open.close(); err != nil {
				t.Error(err)
			}
		}()
		tensors, err := open.shards(dir)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "weights: "+dir) {
				t.Fatalf("error %q does not name the file", err)
			}
			return
		}
		size := 0
		for name, x := range tensors {
			if x.Name != name {
				t.Fatalf("tensor %s is called %s", name, x.Name)
			}
			if x, err = x.Load(); err != nil {
				continue // of values that are not finite
			}
			size += len(x.Data)
		}
		if size > len(first)+len(second) {
			t.Fatalf("%d bytes of tensors in files of %d and %d", size, len(first), len(second))
		}
	})
}
