package weights

import (
	"encoding/json"
	"math"
	"reflect"
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

	want.RopeScaling = &RopeScaling{"llama3", 8, 1, 4, 1024}
	llama3 := map[string]any{"factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 1024}
	llama3["type"] = "llama3"
	old["rope_scaling"] = llama3
	equal(check(old), want)
	renewed["rope_parameters"] = map[string]any{"factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
		"original_max_position_embeddings": 1024, "rope_type": "llama3", "rope_theta": 10000}
	equal(check(renewed), want)

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
	window := configJSON(small("qwen2"))
	window["sliding_window"], window["use_sliding_window"] = 64, false
	if _, err := parse(t, window); err != nil {
		t.Errorf("a window that is off: %v", err)
	}
	delete(window, "use_sliding_window")
	if _, err := parse(t, window); err != nil {
		t.Errorf("a window that is off by default: %v", err)
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
		{"yarn", "rope_scaling", rope("yarn"), `rope_scaling: rope type "yarn"`},
		{"linear, new form", "rope_parameters", rope("linear"), `rope_parameters: rope type "linear"`},
		{"dynamic, by its old name", "rope_scaling", map[string]any{"type": "dynamic"}, `"dynamic"`},
		{"llama3 without its factors", "rope_scaling", rope("llama3"), "llama3 rope scaling"},
		{"two thetas", "rope_parameters", map[string]any{"rope_type": "default", "rope_theta": 5}, "rope_theta is 5, elsewhere 10000"},
		{"part of a head", "partial_rotary_factor", 0.5, "partial_rotary_factor is 0.5"},
		{"part of a head, new form", "rope_parameters", map[string]any{"partial_rotary_factor": 0.25, "rope_theta": 10000}, "partial_rotary_factor is 0.25"},
		{"activation", "hidden_act", "gelu", `hidden_act is "gelu"`},
		{"bias in the feed-forward", "mlp_bias", true, "mlp_bias"},
		{"bias in the attention", "attention_bias", true, "attention_bias"},
		{"window", "sliding_window", 64, "sliding_window is 64"},
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
	c := Config{HeadDim: 64, RopeTheta: 500000, RopeScaling: &RopeScaling{"llama3", 8, 1, 4, 8192}}
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
	plain.FreqFactors = make([]float32, 32)
	for i := range plain.FreqFactors {
		plain.FreqFactors[i] = 2
	}
	if f := plain.InvFreq()[5]; f != base[5]/2 {
		t.Errorf("with a factor of 2: %v, expected %v", f, base[5]/2)
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
