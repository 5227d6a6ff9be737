package weights

// What GGUF says of positions and of windows, by llama.cpp's keys.

// Keys that are both read and written, behind the architecture's prefix or
// "rope.scaling.".
const (
	yarnExtKey    = "yarn_ext_factor"
	yarnLogKey    = "yarn_log_multiplier"
	yarnFastKey   = "yarn_beta_fast"
	yarnSlowKey   = "yarn_beta_slow"
	attnFactorKey = "attn_factor"
	windowKey     = "attention.sliding_window"
	patternKey    = "attention.sliding_window_pattern"
)

// rope reads the scaling of positions; p is the prefix of the architecture's keys.
// A file that has a factor and no type means a linear one.
func (g *ggufMeta) rope(p string, c *Config) {
	factor := g.float(p+"rope.scaling.factor", g.float(p+"rope.scale_linear", 0))
	s := p + "rope.scaling."
	kind := g.text(s + "type")
	if kind == "" {
		kind = RopeLinear
	}
	for _, key := range []string{yarnExtKey, "yarn_attn_factor"} {
		if v := g.float(s+key, 1); v != 1 && !(key == yarnExtKey && v < 0) { // negative: not set
			g.fail("metadata key %s is %v, expected 1", s+key, v)
		}
	}
	attention := g.float(s+attnFactorKey, 1)
	if kind != RopeYaRN && attention != 1 {
		g.fail("metadata key %s is %v, expected 1 with positions scaled as %s", s+attnFactorKey, attention, kind)
	}
	switch kind {
	case "none":
	case RopeLinear:
		if factor != 0 && factor != 1 {
			c.RopeScaling = &RopeScaling{Type: RopeLinear, Factor: factor}
		}
	case RopeYaRN:
		if factor == 0 {
			factor = 1
		}
		attention *= yarnAttention(factor, 1)
		if multiplier := g.float(s+yarnLogKey, 0); multiplier != 0 {
			attention /= yarnAttention(factor, multiplier)
		}
		c.RopeScaling = &RopeScaling{Type: RopeYaRN, Factor: factor, OriginalContext: g.integer(s+"original_context_length", c.Context),
			BetaFast: g.float(s+yarnFastKey, yarnFast), BetaSlow: g.float(s+yarnSlowKey, yarnSlow), Attention: attention}
		c.Context = c.RopeScaling.reach(c.Context)
	default:
		g.fail("metadata key %s is %q, expected none, linear or yarn", s+"type", kind)
	}
}

// putRope writes it. Llama-3's scaling is in a tensor instead.
func (c Config) putRope(g *ggufWriter, p string) {
	s := c.RopeScaling
	if s == nil || s.Type == RopeLlama3 {
		return
	}
	p += "rope.scaling."
	g.putText(p+"type", s.Type)
	g.putFloat(p+"factor", float32(s.Factor))
	if s.Type != RopeYaRN {
		return
	}
	g.putInt(p+"original_context_length", s.OriginalContext)
	g.putFloat(p+yarnFastKey, float32(s.BetaFast))
	g.putFloat(p+yarnSlowKey, float32(s.BetaSlow))
	if standard := yarnAttention(s.Factor, 1); s.Attention != standard {
		g.putFloat(p+attnFactorKey, float32(s.Attention/standard))
	}
}

// window reads which layers attend to how many tokens: all of them, unless a
// pattern says which. llama.cpp reads the keys for other architectures only, whose
// files these are not, and runs Mistral without a window.
func (g *ggufMeta) window(p string, c *Config) {
	c.Window = g.integer(p+windowKey, 0)
	v, ok := g.meta[p+patternKey]
	if !ok || c.Window == 0 {
		return
	}
	pattern, ok := v.(ggufNumbers)
	if !ok || pattern.kind != ggufBool || len(pattern.raw) != c.Layers {
		g.fail("metadata key %s is no array of %d values true or false, one for each layer", p+patternKey, c.Layers)
		return
	}
	all := true
	c.Windowed = make([]bool, c.Layers)
	for i, b := range pattern.raw {
		c.Windowed[i] = b != 0
		all = all && c.Windowed[i]
	}
	switch {
	case all:
		c.Windowed = nil
	case c.WindowLayers() == 0:
		c.Window, c.Windowed = 0, nil
	}
}

// putWindow writes it.
func (c Config) putWindow(g *ggufWriter, p string) {
	if c.WindowLayers() == 0 {
		return
	}
	g.putInt(p+windowKey, c.Window)
	if c.Windowed == nil {
		return
	}
	g.key(p+patternKey, ggufArray)
	g.u32(ggufBool)
	g.u64(uint64(c.Layers))
	for i := range c.Layers {
		b := byte(0)
		if c.WindowOf(i) > 0 {
			b = 1
		}
		g.buf = append(g.buf, b)
	}
}
