package weights

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Config is the shape of a model.
type Config struct {
	Architecture  string // "llama", "mistral", "qwen2", "qwen3"
	Name          string
	Layers        int
	Hidden        int
	FeedForward   int
	Heads         int
	KVHeads       int
	HeadDim       int
	Vocab         int
	Context       int // tokens of the texts it was trained on
	NormEps       float32
	RopeTheta     float64
	RopeScaling   *RopeScaling // nil: none
	FreqFactors   []float32    // [HeadDim/2], each frequency is divided by its own; nil: none. How GGUF keeps a RopeScaling
	TieEmbeddings bool
	AttentionBias bool // of q, k and v
	QKNorm        bool
}

// RopeScaling is how a model was made to take longer texts than it was first
// trained on. Only Llama-3's is known: frequencies below a band are divided by
// Factor, those within it by something in between.
type RopeScaling struct {
	Type            string // "llama3"
	Factor          float64
	LowFreqFactor   float64
	HighFreqFactor  float64
	OriginalContext int
}

// InvFreq is the angle by which a position turns each of the HeadDim/2 pairs,
// in float32 steps as transformers computes it.
func (c Config) InvFreq() []float32 {
	f := make([]float32, c.HeadDim/2)
	for i := range f {
		f[i] = 1 / float32(math.Pow(c.RopeTheta, float64(float32(2*i)/float32(c.HeadDim))))
		if s := c.RopeScaling; s != nil {
			f[i] = s.apply(f[i])
		}
		if c.FreqFactors != nil {
			f[i] /= c.FreqFactors[i]
		}
	}
	return f
}

func (s RopeScaling) apply(f float32) float32 {
	wave := float32(2*math.Pi) / f
	low := float32(float64(s.OriginalContext) / s.LowFreqFactor)
	high := float32(float64(s.OriginalContext) / s.HighFreqFactor)
	switch {
	case wave > low:
		return f / float32(s.Factor)
	case wave < high:
		return f
	}
	smooth := (float32(s.OriginalContext)/wave - float32(s.LowFreqFactor)) / float32(s.HighFreqFactor-s.LowFreqFactor)
	return (1-smooth)*(f/float32(s.Factor)) + smooth*f
}

// validate checks what the rest of the program relies on.
func (c Config) validate() error {
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"layers", c.Layers, 1 << 10}, {"hidden size", c.Hidden, 1 << 20}, {"feed-forward size", c.FeedForward, 1 << 22},
		{"attention heads", c.Heads, 1 << 12}, {"key heads", c.KVHeads, 1 << 12}, {"head size", c.HeadDim, 1 << 12},
		{"vocabulary", c.Vocab, 1 << 24}, {"context", c.Context, 1 << 30},
	} {
		if f.value < 1 || f.value > f.max {
			return fmt.Errorf("%s is %d, expected 1 to %d", f.name, f.value, f.max)
		}
	}
	switch {
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%d attention heads, expected a multiple of the %d key heads", c.Heads, c.KVHeads)
	case c.HeadDim%8 != 0:
		return fmt.Errorf("head size is %d, expected a multiple of 8", c.HeadDim)
	case !(c.NormEps > 0) || c.NormEps > 1:
		return fmt.Errorf("norm epsilon is %v, expected more than 0 and at most 1", c.NormEps)
	case !(c.RopeTheta > 1) || math.IsInf(c.RopeTheta, 0):
		return fmt.Errorf("rope theta is %v, expected more than 1", c.RopeTheta)
	}
	if s := c.RopeScaling; s != nil {
		if !(s.Factor >= 1) || !(s.LowFreqFactor > 0) || !(s.HighFreqFactor > s.LowFreqFactor) || s.OriginalContext < 1 || math.IsInf(s.Factor+s.HighFreqFactor, 0) {
			return fmt.Errorf("llama3 rope scaling %+v, expected a factor of at least 1, 0 < low < high frequency factor and an original context", *s)
		}
	}
	return nil
}

// architectures maps config.json's names to ours.
var architectures = map[string]string{
	"LlamaForCausalLM": "llama", "MistralForCausalLM": "mistral", "Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen3",
}

// hfConfig is config.json, in its older form (rope_theta, rope_scaling) and its
// newer one (rope_parameters).
type hfConfig struct {
	Architectures         []string  `json:"architectures"`
	HiddenSize            int       `json:"hidden_size"`
	IntermediateSize      int       `json:"intermediate_size"`
	NumHiddenLayers       int       `json:"num_hidden_layers"`
	NumAttentionHeads     int       `json:"num_attention_heads"`
	NumKeyValueHeads      int       `json:"num_key_value_heads"`
	HeadDim               int       `json:"head_dim"`
	VocabSize             int       `json:"vocab_size"`
	MaxPositionEmbeddings int       `json:"max_position_embeddings"`
	RMSNormEps            float64   `json:"rms_norm_eps"`
	RopeTheta             *float64  `json:"rope_theta"`
	RopeScaling           *hfRope   `json:"rope_scaling"`
	RopeParameters        *hfRope   `json:"rope_parameters"`
	HiddenAct             string    `json:"hidden_act"`
	TieWordEmbeddings     bool      `json:"tie_word_embeddings"`
	AttentionBias         bool      `json:"attention_bias"`
	MLPBias               bool      `json:"mlp_bias"`
	SlidingWindow         *int      `json:"sliding_window"`
	UseSlidingWindow      bool      `json:"use_sliding_window"`
	LayerTypes            []string  `json:"layer_types"`
	PartialRotaryFactor   *float64  `json:"partial_rotary_factor"`
	QuantizationConfig    *struct{} `json:"quantization_config"`
}

type hfRope struct {
	RopeType        string   `json:"rope_type"`
	Type            string   `json:"type"` // of older files
	RopeTheta       *float64 `json:"rope_theta"`
	Factor          float64  `json:"factor"`
	LowFreqFactor   float64  `json:"low_freq_factor"`
	HighFreqFactor  float64  `json:"high_freq_factor"`
	OriginalContext int      `json:"original_max_position_embeddings"`
	Partial         *float64 `json:"partial_rotary_factor"`
}

// idList is a token id, a list of them, or null.
type idList []int

func (l *idList) UnmarshalJSON(b []byte) error {
	var one int
	if json.Unmarshal(b, &one) == nil {
		if string(b) != "null" {
			*l = idList{one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]int)(l))
}

// ParseConfig reads a config.json. name is for errors.
func ParseConfig(name string, data []byte) (Config, error) {
	var h hfConfig
	if err := json.Unmarshal(data, &h); err != nil {
		return Config{}, fmt.Errorf("weights: %s: %w", name, err)
	}
	c, err := h.config()
	if err == nil {
		err = c.validate()
	}
	if err != nil {
		return Config{}, fmt.Errorf("weights: %s: %w", name, err)
	}
	return c, nil
}

func (h hfConfig) config() (Config, error) {
	if len(h.Architectures) != 1 || architectures[h.Architectures[0]] == "" {
		known := make([]string, 0, len(architectures))
		for a := range architectures {
			known = append(known, a)
		}
		slices.Sort(known)
		return Config{}, fmt.Errorf("architectures is %q, expected one of %s", h.Architectures, strings.Join(known, ", "))
	}
	arch := architectures[h.Architectures[0]]
	c := Config{
		Architecture: arch, Layers: h.NumHiddenLayers, Hidden: h.HiddenSize, FeedForward: h.IntermediateSize,
		Heads: h.NumAttentionHeads, KVHeads: h.NumKeyValueHeads, HeadDim: h.HeadDim, Vocab: h.VocabSize,
		Context: h.MaxPositionEmbeddings, NormEps: float32(h.RMSNormEps), TieEmbeddings: h.TieWordEmbeddings,
		AttentionBias: arch == "qwen2" || h.AttentionBias, QKNorm: arch == "qwen3", RopeTheta: 10000,
	}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	if c.HeadDim == 0 && c.Heads > 0 {
		c.HeadDim = c.Hidden / c.Heads
	}
	if err := h.unsupported(arch); err != nil {
		return c, err
	}
	return c, h.rope(&c)
}

// rope reads the rotary embedding's fields, old and new. Where a file has both,
// they must agree.
func (h hfConfig) rope(c *Config) error {
	theta := h.RopeTheta
	for i, p := range []*hfRope{h.RopeScaling, h.RopeParameters} {
		name := [...]string{"rope_scaling", "rope_parameters"}[i]
		if p == nil {
			continue
		}
		s, err := p.scaling()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if i == 1 && h.RopeScaling != nil && !reflect.DeepEqual(s, c.RopeScaling) {
			return fmt.Errorf("%s and rope_scaling disagree", name)
		}
		c.RopeScaling = s
		if theta != nil && p.RopeTheta != nil && *theta != *p.RopeTheta {
			return fmt.Errorf("%s: rope_theta is %v, elsewhere %v", name, *p.RopeTheta, *theta)
		}
		if p.RopeTheta != nil {
			theta = p.RopeTheta
		}
		if i == 1 && theta == nil {
			return fmt.Errorf("%s: rope_theta is missing", name)
		}
	}
	if theta != nil {
		c.RopeTheta = *theta
	}
	return nil
}

// scaling is nil for the plain rotary embedding.
func (r *hfRope) scaling() (*RopeScaling, error) {
	if r.Partial != nil && *r.Partial != 1 {
		return nil, fmt.Errorf("partial_rotary_factor is %v, expected 1", *r.Partial)
	}
	kind := r.RopeType
	if kind == "" {
		kind = r.Type
	}
	switch kind {
	case "", "default":
		return nil, nil
	case "llama3":
		return &RopeScaling{"llama3", r.Factor, r.LowFreqFactor, r.HighFreqFactor, r.OriginalContext}, nil
	}
	return nil, fmt.Errorf("rope type %q is not supported; default and llama3 are", kind)
}

// unsupported refuses, by name, fields that would change results.
func (h hfConfig) unsupported(arch string) error {
	window := h.SlidingWindow != nil && *h.SlidingWindow > 0
	if strings.HasPrefix(arch, "qwen") { // which state a window that is off by default
		window = window && h.UseSlidingWindow
	}
	for _, t := range h.LayerTypes {
		if t != "full_attention" {
			return fmt.Errorf("layer_types: %q is not supported; full_attention is", t)
		}
	}
	switch {
	case h.HiddenAct != "silu" && h.HiddenAct != "":
		return fmt.Errorf("hidden_act is %q, expected silu", h.HiddenAct)
	case h.MLPBias:
		return fmt.Errorf("mlp_bias is true, expected false")
	case h.AttentionBias && arch != "qwen2":
		return fmt.Errorf("attention_bias is true, expected false for %s", arch)
	case window:
		return fmt.Errorf("sliding_window is %d: sliding-window attention is not supported", *h.SlidingWindow)
	case h.PartialRotaryFactor != nil && *h.PartialRotaryFactor != 1:
		return fmt.Errorf("partial_rotary_factor is %v, expected 1", *h.PartialRotaryFactor)
	case h.QuantizationConfig != nil:
		return fmt.Errorf("quantization_config: quantised safetensors are not supported; f32, f16 and bf16 are")
	}
	return nil
}
