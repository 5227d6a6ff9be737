package weights

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"strings"
	"testing"
)

func parse(t testing.TB, fields map[string]any) (Config, error) {
	t.Helper()
	raw, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return ParseConfig("config.json", raw)
}

// TestConfigForms reads the same model from the older and the newer form.
func TestConfigForms(t *testing.T) {
	want := small("llama")
	want.Name = ""
	old := configJSON(want)
	check := func(fields map[string]any) Config {
		t.Helper()
		c, err := parse(t, fields)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	equal := func(got, want Config) {
		t.Helper()
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%s, expected %s", a, b)
		}
	}
	equal(check(old), want)
	renewed := configJSON(want)
	delete(renewed, "rope_theta")
	renewed["rope_parameters"] = map[string]any{"rope_type": "default", "rope_theta": 10000}
	equal(check(renewed), want)

	want.RopeScaling = &RopeScaling{Type: RopeLlama3, Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 1024}
	llama3 := map[string]any{"factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 1024}
	llama3["type"] = "llama3"
	old["rope_scaling"] = llama3
	equal(check(old), want)
	renewed["rope_parameters"] = map[string]any{"factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
		"original_max_position_embeddings": 1024, "rope_type": "llama3", "rope_theta": 10000}
	equal(check(renewed), want)

	for _, c := range []struct {
		fields map[string]any
		want   RopeScaling
		reach  int
	}{
		{map[string]any{"rope_type": "linear", "factor": 4}, RopeScaling{Type: RopeLinear, Factor: 4}, want.Context},
		{map[string]any{"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 64},
			RopeScaling{Type: RopeYaRN, Factor: 4, OriginalContext: 64, BetaFast: 32, BetaSlow: 1, Attention: 0.1*math.Log(4) + 1}, 256},
		{map[string]any{"type": "yarn", "factor": 4, "finetuned": true}, // which has the original context in max_position_embeddings
			RopeScaling{Type: RopeYaRN, Factor: 4, OriginalContext: 128, BetaFast: 32, BetaSlow: 1, Attention: 0.1*math.Log(4) + 1}, 512},
		{map[string]any{"rope_type": "yarn", "original_max_position_embeddings": 32},
			RopeScaling{Type: RopeYaRN, Factor: 4, OriginalContext: 32, BetaFast: 32, BetaSlow: 1, Attention: 0.1*math.Log(4) + 1}, 128},
		{map[string]any{"rope_type": "yarn", "factor": 8, "original_max_position_embeddings": 16, "beta_fast": 20, "beta_slow": 2, "attention_factor": 1.5, "truncate": false},
			RopeScaling{Type: RopeYaRN, Factor: 8, OriginalContext: 16, BetaFast: 20, BetaSlow: 2, Attention: 1.5, Fractional: true}, 128},
		{map[string]any{"rope_type": "yarn", "factor": 8, "original_max_position_embeddings": 16, "mscale": 2, "mscale_all_dim": 0.5, "attention_factor": nil},
			RopeScaling{Type: RopeYaRN, Factor: 8, OriginalContext: 16, BetaFast: 32, BetaSlow: 1, Attention: (0.2*math.Log(8) + 1) / (0.05*math.Log(8) + 1)}, 128},
		{map[string]any{"rope_type": "yarn", "factor": 1, "original_max_position_embeddings": 128},
			RopeScaling{Type: RopeYaRN, Factor: 1, OriginalContext: 128, BetaFast: 32, BetaSlow: 1, Attention: 1}, 128},
	} {
		want := want
		want.RopeScaling, want.Context = &c.want, c.reach
		old["rope_scaling"] = c.fields
		equal(check(old), want)
		delete(old, "rope_scaling")
		c.fields["rope_theta"] = 10000
		renewed["rope_parameters"] = c.fields
		equal(check(renewed), want)
	}

	bare := configJSON(want)
	for _, optional := range []string{"num_key_value_heads", "head_dim", "rope_theta", "hidden_act"} {
		delete(bare, optional)
	}
	want.RopeScaling, want.KVHeads, want.HeadDim = nil, want.Heads, want.Hidden/want.Heads
	equal(check(bare), want)
}

func TestConfigArchitectures(t *testing.T) {
	for _, arch := range []string{"llama", "mistral", "qwen2", "qwen3"} {
		c, err := parse(t, configJSON(small(arch)))
		if err != nil {
			t.Fatal(err)
		}
		if c.Architecture != arch || c.AttentionBias != (arch == "qwen2") || c.QKNorm != (arch == "qwen3") {
			t.Errorf("%s: %+v", arch, c)
		}
	}
}

// TestConfigWindows: which layers have a window, as transformers has it. configJSON
// has two layers.
func TestConfigWindows(t *testing.T) {
	type fields = map[string]any
	const full, sliding = "full_attention", "sliding_attention"
	for _, c := range []struct {
		name, arch string
		fields     fields
		want       []int
	}{
		{"mistral", "mistral", fields{"sliding_window": 64}, []int{64, 64}},
		{"mistral without", "mistral", fields{"sliding_window": nil}, []int{0, 0}},
		{"mistral that does not say", "mistral", fields{}, []int{4096, 4096}},
		{"llama has none", "llama", fields{"sliding_window": 64}, []int{0, 0}},
		{"qwen, off", "qwen2", fields{"sliding_window": 64, "use_sliding_window": false, "max_window_layers": 0}, []int{0, 0}},
		{"qwen, off by default", "qwen3", fields{"sliding_window": 64, "max_window_layers": 0}, []int{0, 0}},
		{"qwen, from a layer on", "qwen2", fields{"sliding_window": 64, "use_sliding_window": true, "max_window_layers": 1}, []int{0, 64}},
		{"qwen, from layer 28 on", "qwen2", fields{"sliding_window": 64, "use_sliding_window": true}, []int{0, 0}},
		{"qwen, all", "qwen3", fields{"sliding_window": 64, "use_sliding_window": true, "max_window_layers": 0}, []int{64, 64}},
		{"qwen, by type", "qwen3", fields{"sliding_window": 64, "use_sliding_window": true, "layer_types": []string{sliding, full}}, []int{64, 0}},
		{"qwen, types win over the layer", "qwen3", fields{"sliding_window": 64, "use_sliding_window": true, "max_window_layers": 0, "layer_types": []string{full, full}}, []int{0, 0}},
		{"qwen, null", "qwen2", fields{"sliding_window": nil, "use_sliding_window": true, "max_window_layers": 0}, []int{0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := configJSON(small(c.arch))
			delete(f, "sliding_window")
			maps.Copy(f, c.fields)
			got, err := parse(t, f)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range c.want {
				if got.WindowOf(i) != w {
					t.Errorf("layer %d has a window of %d, expected %d", i, got.WindowOf(i), w)
				}
			}
		})
	}
}

// TestLayerFields writes what ParseConfig reads, and nothing that it would read as
// something else.
func TestLayerFields(t *testing.T) {
	yarn := &RopeScaling{Type: RopeYaRN, Factor: 4, OriginalContext: 64, BetaFast: 16, BetaSlow: 2, Attention: 1.25, Fractional: true}
	for _, c := range []struct {
		arch   string
		change func(*Config)
		wrong  string
	}{
		{"llama", func(c *Config) {}, ""},
		{"llama", func(c *Config) { c.RopeScaling = &RopeScaling{Type: RopeLinear, Factor: 2} }, ""},
		{"llama", func(c *Config) { c.RopeScaling, c.Context = yarn, 256 }, ""},
		{"llama", func(c *Config) {
			c.RopeScaling = &RopeScaling{Type: RopeLlama3, Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 64}
		}, ""},
		{"llama", func(c *Config) { c.AttentionBias, c.OutputBias, c.MLPBias = true, true, true }, ""},
		{"llama", func(c *Config) { c.AttentionBias = true }, "biases"},
		{"llama", func(c *Config) { c.Window = 16 }, "sliding window"},
		{"mistral", func(c *Config) {}, ""},
		{"mistral", func(c *Config) { c.Window = 16 }, ""},
		{"mistral", func(c *Config) { c.Window, c.Windowed = 16, []bool{true, false} }, "1 of 2 layers"},
		{"mistral", func(c *Config) { c.AttentionBias, c.OutputBias = true, true }, "biases"},
		{"qwen2", func(c *Config) {}, ""},
		{"qwen2", func(c *Config) { c.Window, c.Windowed = 16, []bool{false, true} }, ""},
		{"qwen2", func(c *Config) { c.OutputBias = true }, "biases"},
		{"qwen3", func(c *Config) { c.Window, c.AttentionBias, c.OutputBias = 16, true, true }, ""},
	} {
		want := small(c.arch)
		want.Name = ""
		c.change(&want)
		f := configJSON(want)
		delete(f, "sliding_window")
		err := want.layerFields(f)
		if c.wrong != "" {
			refused(t, err, c.wrong, c.arch)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := parse(t, f)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, expected %+v", got, want)
		}
	}
}

// TestConfigFields goes through what current checkpoints of these architectures, and
// fine-tunes of their relatives, have in their config.json besides: what means nothing
// to the results, and what does and is refused by name.
func TestConfigFields(t *testing.T) {
	for _, c := range []struct {
		field  string
		value  any
		accept string // architectures
		refuse string
	}{
		{"pretraining_tp", 2, "llama", ""},
		{"attention_dropout", 0.1, "llama mistral qwen2 qwen3", ""},
		{"initializer_range", 0.02, "llama mistral qwen2 qwen3", ""},
		{"use_cache", false, "llama mistral qwen2 qwen3", ""},
		{"torch_dtype", "bfloat16", "llama mistral qwen2 qwen3", ""},
		{"dtype", "float16", "llama mistral qwen2 qwen3", ""},
		{"model_type", "llama", "llama", ""},
		{"is_llama_config", true, "llama", ""},
		{"rope_interleaved", false, "llama", ""},
		{"max_window_layers", 21, "llama mistral", ""},
		{"eos_token_id", []int{1, 2}, "llama mistral qwen2 qwen3", ""},
		{"transformers_version", "5.0", "llama mistral qwen2 qwen3", ""},
		{"partial_rotary_factor", 1.0, "llama mistral qwen2 qwen3", ""},
		{"partial_rotary_factor", 0.5, "", "llama mistral qwen2 qwen3"},
		{"rope_scaling", nil, "llama mistral qwen2 qwen3", ""},
		{"attention_bias", true, "llama qwen2 qwen3", "mistral"},
		{"mlp_bias", true, "llama", "mistral qwen2 qwen3"},
		{"hidden_act", "gelu", "", "llama mistral qwen2 qwen3"},
		{"layer_types", []string{"full_attention", "full_attention"}, "llama mistral qwen2 qwen3", ""},
		{"layer_types", []string{"full_attention", "sliding_attention"}, "", "llama mistral qwen2 qwen3"},
		{"layer_types", []string{"full_attention", "linear_attention"}, "", "llama mistral qwen2 qwen3"},
		{"layer_types", []string{"full_attention"}, "", "llama qwen2"},
		{"attn_logit_softcapping", nil, "llama mistral qwen2 qwen3", ""},
		{"attn_logit_softcapping", 50.0, "", "llama mistral qwen2 qwen3"},
		{"final_logit_softcapping", 30.0, "", "llama mistral qwen2 qwen3"},
		{"logits_scaling", 8, "", "llama"},
		{"logits_scaling", 1, "llama", ""},
		{"attention_multiplier", 0.01, "", "llama"},
		{"embedding_multiplier", 12, "", "llama"},
		{"residual_multiplier", 0.2, "", "llama"},
		{"scale_emb", 12, "", "llama"},
		{"query_pre_attn_scalar", 256, "", "llama"},
		{"use_qk_norm", true, "", "llama"},
		{"use_qk_norm", false, "llama", ""},
		{"no_rope_layers", []int{1, 0}, "", "llama"},
		{"num_local_experts", 8, "", "mistral"},
		{"quantization_config", map[string]any{"quant_method": "gptq"}, "", "llama mistral qwen2 qwen3"},
		{"quantization_config", nil, "llama", ""},
	} {
		for _, arch := range strings.Fields(c.accept) {
			f := configJSON(small(arch))
			f[c.field] = c.value
			if _, err := parse(t, f); err != nil {
				t.Errorf("%s, %s %v: %v, expected it to be read", arch, c.field, c.value, err)
			}
		}
		for _, arch := range strings.Fields(c.refuse) {
			f := configJSON(small(arch))
			f[c.field] = c.value
			_, err := parse(t, f)
			refused(t, err, "weights: config.json: ", c.field)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	rope := func(kind string) map[string]any { return map[string]any{"rope_type": kind, "factor": 4.0} }
	for _, c := range []struct {
		name, field string
		value       any
		want        string
	}{
		{"architecture", "architectures", []string{"GPT2LMHeadModel"}, "GPT2LMHeadModel"},
		{"no architecture", "architectures", nil, "architectures"},
		{"longrope", "rope_scaling", rope("longrope"), `rope_scaling: rope type "longrope" is not supported; default, linear, llama3 and yarn are`},
		{"linear without a factor", "rope_scaling", map[string]any{"rope_type": "linear"}, "factor is 0, expected at least 1"},
		{"yarn with betas the wrong way", "rope_scaling", map[string]any{"rope_type": "yarn", "factor": 4, "beta_fast": 1, "beta_slow": 2}, "beta_fast is 1 and beta_slow 2"},
		{"yarn without attention", "rope_scaling", map[string]any{"rope_type": "yarn", "factor": 4, "attention_factor": 0}, "attention factor is 0"},
		{"a scaling with something else", "rope_scaling", map[string]any{"rope_type": "yarn", "factor": 4, "llama_4_scaling_beta": 0.1}, "rope_scaling: field llama_4_scaling_beta is not known"},
		{"a scaling for each kind of layer", "rope_parameters", map[string]any{"full_attention": map[string]any{"rope_theta": 5}}, "rope_parameters: field full_attention is not known"},
		{"dynamic, by its old name", "rope_scaling", map[string]any{"type": "dynamic"}, `"dynamic"`},
		{"llama3 without its factors", "rope_scaling", rope("llama3"), "llama3 rope scaling: the original context is 0"},
		{"two thetas", "rope_parameters", map[string]any{"rope_type": "default", "rope_theta": 5}, "rope_theta is 5, elsewhere 10000"},
		{"part of a head", "partial_rotary_factor", 0.5, "partial_rotary_factor is 0.5"},
		{"part of a head, new form", "rope_parameters", map[string]any{"partial_rotary_factor": 0.25, "rope_theta": 10000}, "partial_rotary_factor is 0.25"},
		{"activation", "hidden_act", "gelu", `hidden_act is "gelu"`},
		{"window that is a word", "sliding_window", "wide", "sliding_window"},
		{"window of some layers", "layer_types", []string{"full_attention", "sliding_attention"}, "sliding_attention"},
		{"quantised", "quantization_config", map[string]any{"quant_method": "gptq"}, "quantization_config"},
		{"no layers", "num_hidden_layers", 0, "layers is 0"},
		{"negative size", "hidden_size", -64, "hidden size is -64"},
		{"layers beyond reason", "num_hidden_layers", 1 << 40, "layers is"},
		{"heads that do not divide", "num_key_value_heads", 3, "4 attention heads"},
		{"odd head", "head_dim", 7, "head size is 7"},
		{"word for a number", "vocab_size", "many", "vocab_size"},
		{"no epsilon", "rms_norm_eps", nil, "epsilon"},
		{"negative theta", "rope_theta", -1, "rope theta"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := configJSON(small("llama"))
			fields[c.field] = c.value
			_, err := parse(t, fields)
			refused(t, err, "weights: config.json: ", c.want)
		})
	}
	for _, raw := range []string{"", "{", "[]", `{"architectures":`, "null", "\xff"} {
		_, err := ParseConfig("config.json", []byte(raw))
		refused(t, err, "weights: config.json: ")
	}
	fields := configJSON(small("llama"))
	fields["rope_scaling"] = map[string]any{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 64}
	fields["rope_parameters"] = map[string]any{"rope_type": "default", "rope_theta": 10000}
	_, err := parse(t, fields)
	refused(t, err, "rope_parameters and rope_scaling disagree")
	delete(fields, "rope_scaling")
	delete(fields, "rope_theta")
	fields["rope_parameters"] = map[string]any{"rope_type": "default"}
	_, err = parse(t, fields)
	refused(t, err, "rope_parameters: rope_theta is missing")
}

// TestInvFreq compares with the formulas in float64.
func TestInvFreq(t *testing.T) {
	c := Config{HeadDim: 64, RopeTheta: 500000, RopeScaling: &RopeScaling{Type: RopeLlama3, Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 8192}}
	plain := c
	plain.RopeScaling = nil
	kept, divided, between := 0, 0, 0
	got, base := c.InvFreq(), plain.InvFreq()
	if len(got) != 32 {
		t.Fatalf("%d frequencies, expected 32", len(got))
	}
	for i := range got {
		f := math.Pow(500000, -float64(2*i)/64)
		if math.Abs(float64(base[i])/f-1) > 1e-6 {
			t.Errorf("frequency %d is %v, expected %v", i, base[i], f)
		}
		wave, want := 2*math.Pi/f, f
		switch {
		case wave < 8192/4:
			kept++
		case wave > 8192:
			divided++
			want = f / 8
		default:
			between++
			s := (8192/wave - 1) / 3
			want = (1-s)*f/8 + s*f
		}
		if math.Abs(float64(got[i])/want-1) > 1e-5 {
			t.Errorf("scaled frequency %d is %v, expected %v", i, got[i], want)
		}
	}
	if kept == 0 || divided == 0 || between == 0 {
		t.Errorf("%d kept, %d divided, %d between: expected some of each", kept, divided, between)
	}
	c.RopeScaling = &RopeScaling{Type: RopeLinear, Factor: 3}
	for i, f := range c.InvFreq() {
		if math.Abs(float64(f)/(float64(base[i])/3)-1) > 1e-6 {
			t.Errorf("frequency %d divided by 3 is %v, expected %v", i, f, base[i]/3)
		}
	}
	plain.FreqFactors = make([]float32, 32)
	for i := range plain.FreqFactors {
		plain.FreqFactors[i] = 2
	}
	if f := plain.InvFreq()[5]; f != base[5]/2 {
		t.Errorf("with a factor of 2: %v, expected %v", f, base[5]/2)
	}
}

// TestYaRN compares with the paper's formulas (arXiv 2309.00071, eq. 17 to 22) in
// float64, for Qwen's 128 dimensions over 32K tokens: pair i turns L f/2 pi times over
// the original context L; above beta_fast it is kept, below beta_slow divided, in
// between blended by its number.
func TestYaRN(t *testing.T) {
	const theta, context, factor = 1e6, 32768, 4
	c := Config{HeadDim: 128, RopeTheta: theta, RopeScaling: &RopeScaling{Type: RopeYaRN, Factor: factor, OriginalContext: context, BetaFast: 32, BetaSlow: 1, Attention: 1}}
	pair := func(turns float64) float64 { return 64 * math.Log(context/(turns*2*math.Pi)) / math.Log(theta) }
	for _, fractional := range []bool{false, true} {
		c.RopeScaling.Fractional = fractional
		low, high := pair(32), pair(1)
		if !fractional {
			low, high = math.Floor(low), math.Ceil(high)
		}
		kept, divided, between := 0, 0, 0
		for i, got := range c.InvFreq() {
			f := math.Pow(theta, -float64(i)/64)
			gamma := 1 - (float64(i)-low)/(high-low) // 1: kept
			switch {
			case gamma >= 1:
				gamma = 1
				kept++
			case gamma <= 0:
				gamma = 0
				divided++
			default:
				between++
			}
			if want := (1-gamma)*f/factor + gamma*f; math.Abs(float64(got)/want-1) > 1e-5 {
				t.Errorf("frequency %d is %v, expected %v", i, got, want)
			}
			if turns := context * f / (2 * math.Pi); turns > 32*1.3 && gamma != 1 || turns < 1/1.3 && gamma != 0 {
				t.Errorf("pair %d turns %.2f times and has gamma %v", i, turns, gamma)
			}
		}
		if kept < 10 || divided < 10 || between < 10 {
			t.Errorf("%d kept, %d divided, %d between: expected some of each", kept, divided, between)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, arch := range []string{"llama", "mistral", "qwen2", "qwen3"} {
		raw, err := json.Marshal(configJSON(small(arch)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"architectures":["Qwen2ForCausalLM"],"layer_types":[],"use_sliding_window":true,"max_window_layers":0,"num_hidden_layers":3,"rope_scaling":{"type":"yarn","factor":4}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseConfig("fuzz", raw)
		if err != nil {
			return
		}
		for i, v := range c.InvFreq() {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Fatalf("frequency %d is %v", i, v)
			}
		}
		fields, err := c.fields()
		if err != nil {
			t.Fatal(err)
		}
		written, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseConfig("written", written); err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v (%v), expected %+v", again, err, c)
		}
	})
}
