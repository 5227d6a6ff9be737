package main

import (
	"math/rand/v2"
	"slices"
	"strings"

	"tokenselect/cmd/tokenselect/internal/haystack"
	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
	"tokenselect/engine/weights"
)

// shapes are models of which the speed can be measured without their weights.
var shapes = []weights.Config{
	{Name: "needle-16m", Architecture: "llama", Layers: 8, Hidden: 384, FeedForward: 1024, Heads: 8, KVHeads: 2, HeadDim: 64,
		Vocab: 8192, Context: 2048, NormEps: 1e-5, RopeTheta: 1e4, TieEmbeddings: true},
	{Name: "qwen2.5-1.5b", Architecture: "qwen2", Layers: 28, Hidden: 1536, FeedForward: 8960, Heads: 12, KVHeads: 2, HeadDim: 128,
		Vocab: 151936, Context: 32768, NormEps: 1e-6, RopeTheta: 1e6, TieEmbeddings: true, AttentionBias: true},
	{Name: "llama-3-8b", Architecture: "llama", Layers: 32, Hidden: 4096, FeedForward: 14336, Heads: 32, KVHeads: 8, HeadDim: 128,
		Vocab: 128256, Context: 8192, NormEps: 1e-5, RopeTheta: 5e5},
	{Name: "smollm2-135m", Architecture: "llama", Layers: 30, Hidden: 576, FeedForward: 1536, Heads: 9, KVHeads: 3, HeadDim: 64,
		Vocab: 49152, Context: 8192, NormEps: 1e-5, RopeTheta: 1e5, TieEmbeddings: true},
	{Name: "tiny", Architecture: "llama", Layers: 2, Hidden: 64, FeedForward: 96, Heads: 4, KVHeads: 2, HeadDim: 16,
		Vocab: 200, Context: 512, NormEps: 1e-5, RopeTheta: 1e4},
}

// shapeNames are what follows random: in -model.
func shapeNames() []string {
	var names []string
	for _, c := range shapes {
		names = append(names, c.Name)
	}
	return names
}

// shapeNamed is the configuration of that name. flag is where it was named.
func shapeNamed(flag, name string) (weights.Config, error) {
	i := slices.IndexFunc(shapes, func(c weights.Config) bool { return strings.EqualFold(c.Name, name) })
	if i < 0 {
		return weights.Config{}, usagef("%s %q, expected of %s", flag, name, strings.Join(shapeNames(), ", "))
	}
	return shapes[i], nil
}

// randomModel splits what -model says of random weights into the name of a shape
// and how they are stored.
func randomModel(path string) (name string, kind weights.Type, ok bool) {
	if name, ok = strings.CutPrefix(path, "random:"); ok {
		return name, weights.Q8_0, true
	}
	name, ok = strings.CutPrefix(path, "random-q4_0:")
	return name, weights.Q4_0, ok
}

// subject is a model that is measured and what it reads.
type subject struct {
	*engine.Engine
	ckpt *weights.Model
	cfg  selection.Config
	ids  []int
}

// checkpoint is the model of -model.
func (b *bench) checkpoint() (*weights.Model, error) {
	name, kind, random := randomModel(b.ckptPath)
	if !random {
		return openModel(b.ckptPath)
	}
	c, err := shapeNamed("-model "+strings.TrimSuffix(b.ckptPath, name), name)
	if err != nil {
		return nil, err
	}
	c.Name = "random " + c.Name
	return weights.Random(c, kind, 1)
}

// load puts the model of -model on dev, with n tokens to read: a text, or for one
// without a tokenizer, as random weights are, any tokens.
func (b *bench) load(dev gpu.Device, n int) (*subject, error) {
	o := engine.Options{Cache: b.cache}
	ckpt, err := b.checkpoint()
	if err != nil {
		return nil, err
	}
	defer ckpt.Close()
	if ckpt.Tokenizer != nil {
		cfg, err := b.budgets.config(ckpt.Config.Context)
		if err != nil {
			return nil, err
		}
		if err := b.fit(n, ckpt, dev.Info(), o, cfg); err != nil {
			return nil, err
		}
		m, err := session.Load(dev, ckpt, o)
		if err != nil {
			return nil, err
		}
		return &subject{m.Engine, ckpt, cfg, m.Tokenizer.Encode(haystack.New(1, n+64, 1, m.Tokens).Document, false)}, nil
	}
	c := ckpt.Config
	base := selection.Default(c.Context)
	if c.Context >= 4096 {
		rivals := base.Rivals
		base = paperBudgets
		base.Rivals = rivals
	}
	cfg, err := b.budgets.over(base)
	if err != nil {
		return nil, err
	}
	if err := b.fit(n, ckpt, dev.Info(), o, cfg); err != nil {
		return nil, err
	}
	e, err := engine.New(dev, ckpt, o)
	if err != nil {
		return nil, err
	}
	rng, ids := rand.New(rand.NewPCG(1, 2)), make([]int, n)
	for i := range ids {
		ids[i] = rng.IntN(c.Vocab)
	}
	return &subject{e, ckpt, cfg, ids}, nil
}

// fit refuses a depth that dev has no memory for with one of the policies.
func (b *bench) fit(depth int, ckpt *weights.Model, dev gpu.Info, o engine.Options, cfg selection.Config) error {
	var configs []selection.Config
	for _, p := range b.policies {
		cfg.Policy = p
		configs = append(configs, cfg)
	}
	return fitContext("-depths", depth, ckpt, dev, o, configs...)
}
