package weights

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// architectures maps config.json's names to ours.
var architectures = map[string]string{
	"LlamaForCausalLM": "llama", "MistralForCausalLM": "mistral", "Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen3",
}

// hfConfig is config.json, in its older form (rope_theta, rope_scaling) and its
// newer one (rope_parameters). A field that is missing means what it does to
// transformers.
type hfConfig struct {
	Architectures         []string     `json:"architectures"`
	HiddenSize            int          `json:"hidden_size"`
	IntermediateSize      int          `json:"intermediate_size"`
	NumHiddenLayers       int          `json:"num_hidden_layers"`
	NumAttentionHeads     int          `json:"num_attention_heads"`
	NumKeyValueHeads      int          `json:"num_key_value_heads"`
	HeadDim               int          `json:"head_dim"`
	VocabSize             int          `json:"vocab_size"`
	MaxPositionEmbeddings int          `json:"max_position_embeddings"`
	RMSNormEps            float64      `json:"rms_norm_eps"`
	RopeTheta             *float64     `json:"rope_theta"`
	RopeScaling           *hfRope      `json:"rope_scaling"`
	RopeParameters        *hfRope      `json:"rope_parameters"`
	HiddenAct             string       `json:"hidden_act"`
	TieWordEmbeddings     bool         `json:"tie_word_embeddings"` // of no architecture here by default
	AttentionBias         bool         `json:"attention_bias"`
	MLPBias               bool         `json:"mlp_bias"`
	SlidingWindow         maybe[int]   `json:"sliding_window"`
	UseSlidingWindow      bool         `json:"use_sliding_window"`
	MaxWindowLayers       *int         `json:"max_window_layers"`
	LayerTypes            []string     `json:"layer_types"`
	others                jsonContents // all fields, those above too
}

// maybe tells a field that is null from one that is not there.
type maybe[T any] struct {
	value *T
	there bool
}

func (m *maybe[T]) UnmarshalJSON(b []byte) error {
	m.there = true
	return json.Unmarshal(b, &m.value)
}

type jsonContents map[string]json.RawMessage

// hfRope is rope_scaling or rope_parameters.
type hfRope struct {
	RopeType        string   `json:"rope_type"`
	Type            string   `json:"type"` // of older files
	RopeTheta       *float64 `json:"rope_theta"`
	Factor          *float64 `json:"factor"`
	LowFreqFactor   float64  `json:"low_freq_factor"`
	HighFreqFactor  float64  `json:"high_freq_factor"`
	OriginalContext int      `json:"original_max_position_embeddings"`
	AttentionFactor *float64 `json:"attention_factor"`
	BetaFast        float64  `json:"beta_fast"`
	BetaSlow        float64  `json:"beta_slow"`
	MScale          float64  `json:"mscale"`
	MScaleAllDim    float64  `json:"mscale_all_dim"`
	Truncate        *bool    `json:"truncate"`
	Partial         *float64 `json:"partial_rotary_factor"`
	Finetuned       any      `json:"finetuned"` // says nothing about how

	unknown string // a field that is none of these
}

func (r *hfRope) UnmarshalJSON(b []byte) error {
	type fields hfRope
	var all jsonContents
	if err := json.Unmarshal(b, (*fields)(r)); err != nil {
		return err
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	known := reflect.TypeFor[hfRope]()
	for i := range known.NumField() {
		delete(all, known.Field(i).Tag.Get("json"))
	}
	for name, value := range all {
		if string(value) != "null" && (r.unknown == "" || name < r.unknown) {
			r.unknown = name
		}
	}
	return nil
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
	err := json.Unmarshal(data, &h)
	if err == nil {
		err = json.Unmarshal(data, &h.others)
	}
	if err != nil {
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
		AttentionBias: arch == "qwen2" || h.AttentionBias, OutputBias: arch != "qwen2" && h.AttentionBias, MLPBias: h.MLPBias,
		QKNorm: arch == "qwen3", RopeTheta: 10000,
	}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	switch {
	case c.HeadDim != 0:
	case arch == "qwen3": // whose heads are not a share of the hidden size
		c.HeadDim = 128
	case c.Heads > 0:
		c.HeadDim = c.Hidden / c.Heads
	}
	if err := h.unsupported(arch); err != nil {
		return c, err
	}
	if err := h.window(&c); err != nil {
		return c, err
	}
	return c, h.rope(&c)
}

// window reads which layers attend to how many tokens. Mistral's all have the
// window; Qwen's have it where it is switched on, in the layers that layer_types
// names or, without that, from max_window_layers on. Llama's have none, whatever
// its file says.
func (h hfConfig) window(c *Config) error {
	for i, t := range h.LayerTypes {
		switch {
		case t != "full_attention" && t != "sliding_attention":
			return fmt.Errorf("layer_types: layer %d is %q, expected full_attention or sliding_attention", i, t)
		case t == "sliding_attention" && !strings.HasPrefix(c.Architecture, "qwen"):
			return fmt.Errorf("layer_types: layer %d is %q, expected full_attention for %s", i, t, c.Architecture)
		}
	}
	if len(h.LayerTypes) > 0 && len(h.LayerTypes) != c.Layers {
		return fmt.Errorf("layer_types names %d layers, expected num_hidden_layers, %d", len(h.LayerTypes), c.Layers)
	}
	window := h.SlidingWindow.value
	if !h.SlidingWindow.there && c.Architecture != "llama" {
		standard := 4096
		window = &standard
	}
	switch c.Architecture {
	case "llama":
		return nil
	case "mistral":
		if window == nil {
			return nil
		}
	default:
		if !h.UseSlidingWindow {
			window = nil
		}
		from := 28 // what transformers takes for a file without the field
		if h.MaxWindowLayers != nil {
			from = *h.MaxWindowLayers
		}
		windowed := make([]bool, max(0, min(c.Layers, maxLayers)))
		for i := range windowed {
			windowed[i] = window != nil && i >= from
			if len(h.LayerTypes) > 0 {
				windowed[i] = h.LayerTypes[i] == "sliding_attention"
			}
		}
		some := slices.Contains(windowed, true)
		switch {
		case !some:
			return nil
		case window == nil:
			return fmt.Errorf("layer_types has sliding_attention, expected use_sliding_window to be true and sliding_window a number")
		case slices.Contains(windowed, false):
			c.Windowed = windowed
		}
	}
	if *window < 1 {
		return fmt.Errorf("sliding_window is %d, expected at least 1 or null", *window)
	}
	c.Window = *window
	return nil
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
		s, err := p.scaling(c.Context)
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
	if c.RopeScaling != nil {
		c.Context = c.RopeScaling.reach(c.Context)
	}
	return nil
}

// scaling is nil for the plain rotary embedding. context is
// max_position_embeddings.
func (r *hfRope) scaling(context int) (*RopeScaling, error) {
	if r.unknown != "" {
		return nil, fmt.Errorf("field %s is not known and may change results", r.unknown)
	}
	if r.Partial != nil && *r.Partial != 1 {
		return nil, fmt.Errorf("partial_rotary_factor is %v, expected 1", *r.Partial)
	}
	s := &RopeScaling{Type: r.RopeType, OriginalContext: r.OriginalContext}
	if s.Type == "" {
		s.Type = r.Type
	}
	switch {
	case r.Factor != nil:
		s.Factor = *r.Factor
	case s.Type == RopeYaRN && r.OriginalContext > 0:
		s.Factor = float64(context) / float64(r.OriginalContext)
	}
	switch s.Type {
	case "", "default":
		return nil, nil
	case RopeLinear:
		s.OriginalContext = 0
	case RopeLlama3:
		s.LowFreqFactor, s.HighFreqFactor = r.LowFreqFactor, r.HighFreqFactor
	case RopeYaRN:
		r.yarn(s, context)
	default:
		return nil, fmt.Errorf("rope type %q is not supported; default, linear, llama3 and yarn are", s.Type)
	}
	return s, nil
}

// yarn fills in what the paper's values are for where the file gives none.
func (r *hfRope) yarn(s *RopeScaling, context int) {
	orOf := func(v, otherwise float64) float64 {
		if v == 0 {
			return otherwise
		}
		return v
	}
	if s.OriginalContext == 0 {
		s.OriginalContext = context
	}
	s.BetaFast, s.BetaSlow = orOf(r.BetaFast, yarnFast), orOf(r.BetaSlow, yarnSlow)
	s.Fractional = r.Truncate != nil && !*r.Truncate
	switch {
	case r.AttentionFactor != nil:
		s.Attention = *r.AttentionFactor
	case r.MScale != 0 && r.MScaleAllDim != 0:
		s.Attention = yarnAttention(s.Factor, r.MScale) / yarnAttention(s.Factor, r.MScaleAllDim)
	default:
		s.Attention = yarnAttention(s.Factor, 1)
	}
}

// neutral are fields of relatives of these architectures that change results unless
// they have one of these values, or are null. Some fine-tunes carry them along.
var neutral = []struct {
	field  string
	values []any
}{
	{"partial_rotary_factor", []any{1.0}},
	{"rotary_pct", []any{1.0}},
	{"attn_logit_softcapping", nil},
	{"final_logit_softcapping", nil},
	{"logits_scaling", []any{1.0}},
	{"logit_scale", []any{1.0}},
	{"attention_multiplier", nil},
	{"query_pre_attn_scalar", nil},
	{"embedding_multiplier", []any{1.0}},
	{"residual_multiplier", []any{1.0}},
	{"scale_emb", []any{1.0}},
	{"scale_depth", nil},
	{"dim_model_base", nil},
	{"attention_chunk_size", nil},
	{"use_qk_norm", []any{false}},
	{"qk_layernorm", []any{false}},
	{"no_rope_layers", nil},
	{"use_logn_attn", []any{false}},
	{"use_dynamic_ntk", []any{false}},
	{"use_mrope", []any{false}},
	{"num_experts", []any{0.0, 1.0}},
	{"num_local_experts", []any{0.0, 1.0}},
	{"quantization_config", nil},
}

// unsupported refuses, by name, fields that would change results.
func (h hfConfig) unsupported(arch string) error {
	switch {
	case h.HiddenAct != "silu" && h.HiddenAct != "":
		return fmt.Errorf("hidden_act is %q, expected silu", h.HiddenAct)
	case h.MLPBias && arch != "llama":
		return fmt.Errorf("mlp_bias is true, expected false for %s", arch)
	case h.AttentionBias && arch == "mistral":
		return fmt.Errorf("attention_bias is true, expected false for %s", arch)
	}
	for _, n := range neutral {
		raw, ok := h.others[n.field]
		if !ok {
			continue
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return fmt.Errorf("%s: %w", n.field, err)
		}
		if value == nil || slices.ContainsFunc(n.values, func(v any) bool { return reflect.DeepEqual(v, value) }) {
			continue
		}
		if n.field == "quantization_config" {
			return fmt.Errorf("quantization_config: quantised safetensors are not supported; f32, f16 and bf16 are")
		}
		expected := "no such field"
		if n.values != nil {
			expected = fmt.Sprint(n.values[0])
		}
		return fmt.Errorf("%s is %s, expected %s for %s", n.field, cut(raw), expected, arch)
	}
	return nil
}

// cut is a value as an error shows it.
func cut(raw json.RawMessage) string {
	const most = 40
	if len(raw) > most {
		return string(raw[:most]) + "..."
	}
	return string(raw)
}
