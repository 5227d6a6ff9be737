package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

// small is a configuration of every architecture, with different sizes
// throughout, so that two mixed up are seen.
func small(arch string) Config {
	return Config{Architecture: arch, Name: "small", Layers: 2, Hidden: 64, FeedForward: 96, Heads: 4, KVHeads: 2, HeadDim: 8,
		Vocab: 12, Context: 128, NormEps: 1e-5, RopeTheta: 10000, TieEmbeddings: arch == "llama",
		AttentionBias: arch == "qwen2", QKNorm: arch == "qwen3"}
}

// seed is the least model there can be: a fuzzer gets nowhere with larger ones.
func seed(arch string, width int) *Model {
	c := small(arch)
	c.Layers, c.Heads, c.KVHeads, c.Vocab, c.Hidden, c.FeedForward = 1, 1, 1, 5, width, width
	return random(c)
}

// random is a model of that configuration with seeded weights, as float32.
func random(c Config) *Model {
	rng := rand.New(rand.NewPCG(1, 2))
	m := &Model{Path: "random", Config: c, Tensors: map[string]Tensor{}}
	for _, n := range c.tensors() {
		values := 1
		for _, d := range n.shape {
			values *= d
		}
		v := make([]float32, values)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		m.Tensors[n.name] = Tensor{Name: n.name, Type: F32, Shape: n.shape, Data: f32Bytes(v)}
	}
	return m
}

func vocabulary() *tokenizer.Spec {
	return &tokenizer.Spec{Name: "small", Pre: "qwen2", NFC: true, Tokens: []string{"a", "b", "ab", "<end>", "<turn>"}, Types: []int32{1, 1, 1, 3, 3},
		Merges: []string{"a b"}, BOS: 3, EOS: 3, PAD: -1, UNK: -1, AddBOS: true, EOT: []int{4}, ChatTemplate: "{{ messages }}"}
}

func gguf(t testing.TB, m *Model, as Type) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteGGUF(&b, m, as); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// safetensors is a file of these tensors, header is what to write over it.
func safetensors(tensors map[string]Tensor) []byte {
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var body []byte
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		header[name] = map[string]any{"dtype": t.Type.String(), "shape": t.Shape, "data_offsets": []int{len(body), len(body) + len(t.Data)}}
		body = append(body, t.Data...)
	}
	h, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return withHeader(string(h), body)
}

func withHeader(header string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), body...)
}

// configJSON is the config.json of c, in the older form.
func configJSON(c Config) map[string]any {
	names := map[string]string{"llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
	f := map[string]any{"architectures": []string{names[c.Architecture]}, "hidden_size": c.Hidden, "intermediate_size": c.FeedForward,
		"num_hidden_layers": c.Layers, "num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads, "head_dim": c.HeadDim,
		"vocab_size": c.Vocab, "max_position_embeddings": c.Context, "rms_norm_eps": 1e-5, "rope_theta": c.RopeTheta,
		"hidden_act": "silu", "tie_word_embeddings": c.TieEmbeddings}
	if c.Architecture == "mistral" {
		f["sliding_window"] = nil
	}
	return f
}

// folder writes files and returns where; a nil one is left out. What is no
// []byte is written as JSON.
func folder(t testing.TB, files map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		raw, ok := content.([]byte)
		if !ok {
			var err error
			if raw, err = json.Marshal(content); err != nil {
				t.Fatal(err)
			}
		}
		if raw == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shared is the folder of fixtures beside the repository; without it the test
// is skipped.
func shared(t testing.TB) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("skipped: the folder of fixtures %s is absent", dir)
	}
	return dir
}

// refused checks that err is there and says all of what it should.
func refused(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, expected an error with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, expected it to have %q", err, w)
		}
	}
}

// same compares two models, whose weights are equal as float32.
func same(t *testing.T, got, want *Model) {
	t.Helper()
	if len(got.Tensors) != len(want.Tensors) {
		t.Errorf("%d tensors, expected %d", len(got.Tensors), len(want.Tensors))
	}
	for name, w := range want.Tensors {
		g := got.Tensors[name]
		if g.Name != name || !slices.Equal(g.Shape, w.Shape) {
			t.Errorf("tensor %s: %q of shape %v, expected %v", name, g.Name, g.Shape, w.Shape)
			continue
		}
		a, errA := g.Float32()
		b, errB := w.Float32()
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		for i := range b {
			if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
				t.Errorf("tensor %s: value %d is %v, expected %v", name, i, a[i], b[i])
				break
			}
		}
	}
}
