package weights

import (
	"fmt"
	"strings"
)

// layerFields adds to the fields of a config.json, in its older form, those that say
// how positions are scaled, which layers have a sliding window and which biases there
// are. Some that GGUF can say config.json cannot.
func (c Config) layerFields(f map[string]any) error {
	if s := c.RopeScaling; s != nil {
		f["rope_scaling"] = s.fields()
	}
	qwen := strings.HasPrefix(c.Architecture, "qwen")
	windows := c.WindowLayers()
	switch {
	case qwen && windows > 0:
		types := make([]string, c.Layers)
		for i := range types {
			types[i] = "full_attention"
			if c.WindowOf(i) > 0 {
				types[i] = "sliding_attention"
			}
		}
		f["use_sliding_window"], f["sliding_window"], f["layer_types"] = true, c.Window, types
	case c.Architecture == "mistral" && windows == 0:
		f["sliding_window"] = nil // without the field it would be 4096
	case c.Architecture == "mistral" && windows == c.Layers:
		f["sliding_window"] = c.Window
	case windows > 0:
		return fmt.Errorf("%d of %d layers have a sliding window, which config.json cannot say for %s", windows, c.Layers, c.Architecture)
	}
	switch {
	case c.Architecture == "qwen2" && c.AttentionBias && !c.OutputBias && !c.MLPBias: // as it always is
	case c.AttentionBias != c.OutputBias || c.MLPBias && c.Architecture != "llama" || c.AttentionBias && c.Architecture != "llama" && c.Architecture != "qwen3":
		return fmt.Errorf("biases of q, k and v: %v, of o: %v, of the feed-forward: %v, which config.json cannot say for %s", c.AttentionBias, c.OutputBias, c.MLPBias, c.Architecture)
	default:
		f["attention_bias"], f["mlp_bias"] = c.AttentionBias, c.MLPBias
	}
	return nil
}

func (s RopeScaling) fields() map[string]any {
	f := map[string]any{"rope_type": s.Type, "factor": s.Factor}
	if s.Type != RopeLinear {
		f["original_max_position_embeddings"] = s.OriginalContext
	}
	switch s.Type {
	case RopeLlama3:
		f["low_freq_factor"], f["high_freq_factor"] = s.LowFreqFactor, s.HighFreqFactor
	case RopeYaRN:
		f["beta_fast"], f["beta_slow"], f["attention_factor"] = s.BetaFast, s.BetaSlow, s.Attention
		if s.Fractional {
			f["truncate"] = false
		}
	}
	return f
}
