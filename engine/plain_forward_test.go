package engine_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
)

// plainModel is the forward pass of the Llama family straight from its definition:
// in float64, without a cache, every position from all that it sees.
type plainModel struct {
	c weights.Config
	t map[string][]float64
}

func newPlain(t *testing.T, m *weights.Model) plainModel {
	t.Helper()
	p := plainModel{m.Config, map[string][]float64{}}
	for name, tensor := range m.Tensors {
		v, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		wide := make([]float64, len(v))
		for i, x := range v {
			wide[i] = float64(x)
		}
		p.t[name] = wide
	}
	return p
}

// linear is W x + b, b where there is one.
func (p plainModel) linear(name string, x []float64) []float64 {
	w, bias := p.t[name+".weight"], p.t[name+".bias"]
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j, v := range x {
			y[i] += w[i*len(x)+j] * v
		}
		if bias != nil {
			y[i] += bias[i]
		}
	}
	return y
}

func (p plainModel) norm(name string, x []float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	y, scale := make([]float64, len(x)), 1/math.Sqrt(sum/float64(len(x))+float64(p.c.NormEps))
	for i, v := range x {
		y[i] = v * scale * p.t[name+".weight"][i]
	}
	return y
}

// heads is the heads of a projection, normalised where the model does that, and turned
// to a position.
func (p plainModel) heads(x []float64, norm string, position int) [][]float64 {
	d := p.c.HeadDim
	var all [][]float64
	for ; len(x) > 0; x = x[d:] {
		head := slices.Clone(x[:d])
		if p.c.QKNorm {
			head = p.norm(norm, head)
		}
		turned, scale := make([]float64, d), float64(p.c.RopeAttention())
		for i, f := range p.c.InvFreq() {
			sin, cos := math.Sincos(float64(position) * float64(f))
			turned[i] = scale * (head[i]*cos - head[i+d/2]*sin)
			turned[i+d/2] = scale * (head[i+d/2]*cos + head[i]*sin)
		}
		all = append(all, turned)
	}
	return all
}

// attend is what the heads of position i make of those that it sees.
func (p plainModel) attend(q [][]float64, k [][][]float64, v [][]float64, i, window int) []float64 {
	var all []float64
	for h, query := range q {
		kv, d := h*p.c.KVHeads/p.c.Heads, p.c.HeadDim
		var weight []float64
		most, first := math.Inf(-1), 0
		if window > 0 {
			first = max(0, i-window+1)
		}
		for j := first; j <= i; j++ {
			s := 0.0
			for e, x := range query {
				s += x * k[j][kv][e]
			}
			weight = append(weight, s/math.Sqrt(float64(d)))
			most = max(most, weight[j-first])
		}
		sum, o := 0.0, make([]float64, d)
		for j, s := range weight {
			w := math.Exp(s - most)
			sum += w
			for e := range o {
				o[e] += w * v[first+j][kv*d+e]
			}
		}
		for e := range o {
			o[e] /= sum
		}
		all = append(all, o...)
	}
	return all
}

// logits are those after the last of ids.
func (p plainModel) logits(ids []int) []float64 {
	c := p.c
	x := make([][]float64, len(ids))
	for i, id := range ids {
		x[i] = slices.Clone(p.t["model.embed_tokens.weight"][id*c.Hidden:][:c.Hidden])
	}
	for l := range c.Layers {
		at := fmt.Sprintf("model.layers.%d.", l)
		var q, k [][][]float64
		var v [][]float64
		for i := range x {
			h := p.norm(at+"input_layernorm", x[i])
			q = append(q, p.heads(p.linear(at+"self_attn.q_proj", h), at+"self_attn.q_norm", i))
			k = append(k, p.heads(p.linear(at+"self_attn.k_proj", h), at+"self_attn.k_norm", i))
			v = append(v, p.linear(at+"self_attn.v_proj", h))
		}
		for i := range x {
			for e, y := range p.linear(at+"self_attn.o_proj", p.attend(q[i], k, v, i, c.WindowOf(l))) {
				x[i][e] += y
			}
			h := p.norm(at+"post_attention_layernorm", x[i])
			gate, up := p.linear(at+"mlp.gate_proj", h), p.linear(at+"mlp.up_proj", h)
			for e, g := range gate {
				gate[e] = g / (1 + math.Exp(-g)) * up[e]
			}
			for e, y := range p.linear(at+"mlp.down_proj", gate) {
				x[i][e] += y
			}
		}
	}
	return p.linear("lm_head", p.norm("model.norm", x[len(x)-1]))
}

// architecture is a small configuration with something special.
func architecture(name string, c weights.Config) weights.Config {
	c.Name, c.Hidden, c.FeedForward, c.Heads, c.KVHeads, c.HeadDim, c.Vocab = name, 64, 96, 4, 2, 16, 128
	c.Context, c.NormEps, c.RopeTheta = 512, 1e-5, 10000
	if c.Layers == 0 {
		c.Layers = 2
	}
	return c
}

// architectures are configurations whose parts the checkpoints of golden.json do not
// have, or not together.
var architectures = []weights.Config{
	architecture("llama with all biases", weights.Config{Architecture: "llama", AttentionBias: true, OutputBias: true, MLPBias: true}),
	architecture("mistral with a window and YaRN", weights.Config{Architecture: "mistral", Window: 20,
		RopeScaling: &weights.RopeScaling{Type: weights.RopeYaRN, Factor: 4, OriginalContext: 128, BetaFast: 16, BetaSlow: 2, Attention: 1.3, Fractional: true}}),
	architecture("qwen2 with windows in its last layers", weights.Config{Architecture: "qwen2", AttentionBias: true, Layers: 3, Window: 24, Windowed: []bool{false, true, true}}),
	architecture("qwen3 with windows here and there", weights.Config{Architecture: "qwen3", QKNorm: true, AttentionBias: true, OutputBias: true, Layers: 4, Window: 1, Windowed: []bool{true, false, true, false}}),
}

// randomModel has random matrices, and random norms and biases too.
func randomModel(t *testing.T, c weights.Config) *weights.Model {
	t.Helper()
	m, err := weights.Random(c, weights.Q8_0, 1)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, name := range slices.Sorted(maps.Keys(m.Tensors)) {
		tensor := m.Tensors[name]
		if len(tensor.Shape) > 1 {
			continue
		}
		mean := 1.0
		if strings.HasSuffix(name, ".bias") {
			mean = 0
		}
		v := make([]float32, tensor.Shape[0])
		for i := range v {
			v[i] = float32(mean + 0.4*rng.NormFloat64())
		}
		tensor.Data = gputest.Floats(v...)
		m.Tensors[name] = tensor
	}
	return m
}

// architecturesOn holds a device to the plain forward pass: prompts in chunks, then
// tokens one by one.
func architecturesOn(t *testing.T, dev gpu.Device, cache string, allowed float64) {
	ctx := context.Background()
	for _, c := range architectures {
		t.Run(c.Name, func(t *testing.T) {
			ckpt := randomModel(t, c)
			plain := newPlain(t, ckpt)
			e, err := engine.New(dev, ckpt, engine.Options{Cache: cache})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			rng := rand.New(rand.NewPCG(5, 6))
			ids := make([]int, 111)
			for i := range ids {
				ids[i] = rng.IntN(c.Vocab)
			}
			cfg := selection.Default(512)
			cfg.Policy, cfg.Chunk = selection.Dense, 45 // more and less than the windows
			s := session(t, e, 200, cfg)
			for _, n := range []int{70, 110, 111} {
				prefill(t, s, ids[s.Len():n])
				got, err := s.Logits(ctx)
				if err != nil {
					t.Fatal(err)
				}
				worst := 0.0
				for i, want := range plain.logits(ids[:n]) {
					worst = max(worst, math.Abs(float64(got[i])-want))
				}
				if !(worst < allowed) {
					t.Errorf("after %d tokens logits differ by %.2g, expected less than %v", n, worst, allowed)
				}
			}
		})
	}
}

func TestArchitectures(t *testing.T) { architecturesOn(t, cpu(t, cpudev.Options{}), "f32", 2e-4) }
func TestArchitecturesPlain(t *testing.T) {
	architecturesOn(t, cpu(t, cpudev.Options{Plain: true}), "f16", 2e-2)
}
func TestArchitecturesWGPU(t *testing.T) { architecturesOn(t, wgpu.For(t), "f16", 2e-2) }

// TestWindowsWithPolicies: a layer with a window attends to that with every policy, the
// others select as ever, and while all of the text fits the budget nothing differs.
func TestWindowsWithPolicies(t *testing.T) {
	ctx := context.Background()
	c := architectures[2]
	e, err := engine.New(cpu(t, cpudev.Options{}), randomModel(t, c), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ids := prompt(300)
	for i := range ids {
		ids[i] %= c.Vocab
	}
	for _, policy := range []selection.Policy{selection.Dense, selection.Window, selection.TokenSelect} {
		cfg := selection.Config{Policy: policy, NInit: 4, NLocal: 16, K: 32, Chunk: 50, Theta: 0.5}
		s := session(t, e, 400, cfg)
		prefill(t, s, ids)
		generate(t, s, 3)
		chosen, err := s.Chosen(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for layer, got := range chosen {
			want, rows := 303, 0
			switch {
			case c.WindowOf(layer) > 0:
				want = c.Window
			case policy == selection.Window:
				want = 4 + 16 + 32 + 1
			case policy == selection.TokenSelect:
				want, rows = 4+16+len(got.Rows)+1, max(32, len(got.Rows))
			}
			if got.Attended != want || len(got.Rows) != rows {
				t.Errorf("%s, layer %d: %d rows attended and %d chosen, expected %d and %d", policy, layer, got.Attended, len(got.Rows), want, rows)
			}
		}
	}
	var want []int
	for _, policy := range []selection.Policy{selection.Dense, selection.Window, selection.TokenSelect} {
		cfg := selection.Config{Policy: policy, NInit: 4, NLocal: 64, K: 400, Chunk: 50}
		s := session(t, e, 400, cfg)
		prefill(t, s, ids)
		if got := generate(t, s, 10); want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%s within its budget: %v, dense %v", policy, got, want)
		}
	}
	if w := engine.Warning(c, selection.Default(c.Context)); !strings.Contains(w, "2 of the 3 layers") {
		t.Errorf("warning %q, expected it to tell how many layers have a window", w)
	}
	cfg := selection.Default(c.Context)
	cfg.Policy = selection.NTK
	if _, err := e.NewSession(engine.SessionOptions{Context: 400, Selection: cfg}); err == nil || !strings.Contains(err.Error(), "sliding window") {
		t.Errorf("%v, expected policy ntk refused for layers with a window", err)
	}
}
