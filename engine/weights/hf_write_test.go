package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// writeFolder writes a model in Hugging Face's layout and opens it.
func writeFolder(t *testing.T, m *Model, as Type) *Model {
	t.Helper()
	dir := t.TempDir()
	files, err := m.FolderFiles(as)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteSafetensors(&b, m, as); err != nil {
		t.Fatal(err)
	}
	files["model.safetensors"] = b.Bytes()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Close() })
	got.Config.Name = m.Config.Name // which the folder gives
	return got
}

// TestFolder writes every architecture as a folder and reads it back, from memory and
// by way of GGUF.
func TestFolder(t *testing.T) {
	for _, arch := range []string{"llama", "mistral", "qwen2", "qwen3"} {
		for _, kind := range []Type{F32, F16, BF16} {
			m := random(small(arch))
			m.Tokenizer = vocabulary()
			for name, x := range m.Tensors {
				if len(x.Shape) == 2 {
					var err error
					if m.Tensors[name], err = Convert(x, kind); err != nil {
						t.Fatal(err)
					}
				}
			}
			check := func(how string, got *Model, config Config) {
				t.Helper()
				same(t, got, m)
				if !reflect.DeepEqual(got.Config, config) {
					t.Errorf("%s, %v, %s: %+v, expected %+v", arch, kind, how, got.Config, config)
				}
				spec := *m.Tokenizer
				spec.Name = got.Tokenizer.Name
				if !reflect.DeepEqual(*got.Tokenizer, spec) {
					t.Errorf("%s, %v, %s: %+v, expected %+v", arch, kind, how, *got.Tokenizer, spec)
				}
			}
			check("written", writeFolder(t, m, kind), m.Config)
			via, err := ParseGGUF("small", gguf(t, m, kind))
			if err != nil {
				t.Fatal(err)
			}
			config := m.Config
			if arch == "mistral" {
				config.Architecture = "llama" // GGUF has no other name for it
			}
			check("by way of GGUF", writeFolder(t, via, kind), config)
		}
	}
}

// TestFolderRope: a llama3 scaling is written as it is, and found again in the factors
// that GGUF has of it; other factors are refused.
func TestFolderRope(t *testing.T) {
	for _, scaling := range []RopeScaling{
		{Type: "llama3", Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 8192},  // Llama 3.1
		{Type: "llama3", Factor: 32, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 8192}, // Llama 3.2
	} {
		c := small("llama")
		c.HeadDim, c.RopeTheta, c.RopeScaling = 64, 500000, &scaling
		m := random(c)
		if got := writeFolder(t, m, F32); !reflect.DeepEqual(got.Config, c) {
			t.Errorf("%+v, expected %+v", got.Config, c)
		}
		via, err := ParseGGUF("x", gguf(t, m, F32))
		if err != nil {
			t.Fatal(err)
		}
		if got := writeFolder(t, via, F32); !reflect.DeepEqual(got.Config.RopeScaling, &scaling) || got.Config.FreqFactors != nil {
			t.Errorf("by way of GGUF: %+v, expected %+v", got.Config.RopeScaling, scaling)
		}
	}
	for _, scaling := range []RopeScaling{
		{Type: RopeLinear, Factor: 4},
		{Type: RopeYaRN, Factor: 4, OriginalContext: 32, BetaFast: 32, BetaSlow: 1, Attention: 1.25},
	} {
		c := small("qwen2")
		c.RopeScaling = &scaling
		m := random(c)
		if got := writeFolder(t, m, F32); !reflect.DeepEqual(got.Config, c) {
			t.Errorf("%+v, expected %+v", got.Config, c)
		}
	}
	m := random(small("llama"))
	m.Config.FreqFactors = []float32{1, 1, 3, 2}
	_, err := m.FolderFiles(F16)
	refused(t, err, "weights: random: rope_freqs.weight has factors that config.json cannot say")
}

// TestFolderWindow: sliding windows, of all layers and of some, and what has no field.
func TestFolderWindow(t *testing.T) {
	c := small("mistral")
	c.Window = 64
	some := small("qwen3")
	some.Window, some.Windowed = 32, []bool{true, false}
	all := small("qwen2")
	all.Window = 32
	for _, c := range []Config{c, some, all} {
		if got := writeFolder(t, random(c), F16); !reflect.DeepEqual(got.Config, c) {
			t.Errorf("%+v, expected %+v", got.Config, c)
		}
	}
	c = small("llama")
	c.AttentionBias = true // but not of o
	_, err := random(c).FolderFiles(F16)
	refused(t, err, "which config.json cannot say for llama")
	c = small("llama")
	c.RopeScaling, c.FreqFactors = &RopeScaling{Type: RopeLinear, Factor: 2}, []float32{1, 1, 2, 2}
	_, err = random(c).FolderFiles(F16)
	refused(t, err, "config.json cannot say this configuration", "FreqFactors:[1 1 2 2]")
}

// TestSafetensorsLayout: what transformers expects of the file and of config.json.
func TestSafetensorsLayout(t *testing.T) {
	m := random(small("qwen2"))
	m.Tokenizer = vocabulary()
	var b bytes.Buffer
	if err := WriteSafetensors(&b, m, F16); err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint64(b.Bytes())
	if n%8 != 0 {
		t.Errorf("a header of %d bytes, expected a multiple of 8", n)
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(b.Bytes()[8:8+n], &header); err != nil {
		t.Fatal(err)
	}
	if string(header["__metadata__"]) != `{"format":"pt"}` {
		t.Errorf("metadata %s, without which transformers refuses the file", header["__metadata__"])
	}
	files, err := m.FolderFiles(F16)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		ModelType string  `json:"model_type"`
		DType     string  `json:"torch_dtype"`
		EOS       []int   `json:"eos_token_id"`
		Eps       float64 `json:"rms_norm_eps"`
	}
	if err := json.Unmarshal(files["config.json"], &config); err != nil {
		t.Fatal(err)
	}
	if config.ModelType != "qwen2" || config.DType != "float16" || !slices.Equal(config.EOS, []int{3, 4}) || config.Eps != 1e-5 {
		t.Errorf("%+v", config)
	}
	for _, kind := range []Type{Q8_0, Q4_0, Type(99)} {
		refused(t, WriteSafetensors(&b, m, kind), "writing "+kind.String())
	}
	m.Tokenizer.Pre = "none such"
	_, err = m.FolderFiles(F16)
	refused(t, err, `pre-tokenizer "none such"`)
}
