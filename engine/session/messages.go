package session

import (
	"tokenselect/engine"
	"tokenselect/engine/sample"
	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
)

// defaults is the policy that a client gets which asks for none.
func defaults(m *Model) selection.Config { return selection.Default(m.Engine.Config().Context) }

// describe is what a client is told of a loaded model.
func describe(l Loaded) trace.Info {
	e := l.Model.Engine
	c, dev, info := e.Config(), e.Device(), l.Info
	info.Model, info.Architecture, info.Quantisation = c.Name, c.Architecture, l.Model.quantisation
	info.Layers, info.Heads, info.KVHeads, info.HeadDim, info.Context, info.Vocab = c.Layers, c.Heads, c.KVHeads, c.HeadDim, c.Context, c.Vocab
	info.Device, info.Adapter, info.Kind, info.Backend = dev.Device, dev.Name, string(dev.Kind), dev.Backend
	info.KV = e.Cache()
	info.Selection = SelectionOf(defaults(l.Model))
	for _, p := range selection.Policies() {
		info.Policies = append(info.Policies, string(p))
	}
	info.Weights = e.Memory(1, defaults(l.Model)).Weights
	return info
}

// apply is c with what s says. Budgets stay as they are where s leaves them out.
func apply(c selection.Config, s *trace.Selection) (selection.Config, error) {
	if s == nil {
		return c, nil
	}
	if s.Policy != "" {
		c.Policy = selection.Policy(s.Policy)
	}
	set(&c.NInit, s.NInit)
	set(&c.NLocal, s.NLocal)
	set(&c.K, s.K)
	set(&c.Chunk, s.Chunk)
	set(&c.Tail, s.Tail)
	set(&c.Theta, s.Theta)
	set(&c.Pool, s.Pool)
	if s.Index != "" {
		if err := c.SetIndex(s.Index); err != nil {
			return c, err
		}
	}
	return c, c.Validate()
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Apply is the model's default policy with what s says, for servers that take
// it from elsewhere than a client's commands.
func (m *Model) Apply(s *trace.Selection) (selection.Config, error) { return apply(defaults(m), s) }

// SelectionOf is a policy and its budgets as a message.
func SelectionOf(c selection.Config) trace.Selection {
	return trace.Selection{Policy: string(c.Policy), NInit: &c.NInit, NLocal: &c.NLocal, K: &c.K, Chunk: &c.Chunk, Tail: &c.Tail, Theta: &c.Theta, Pool: &c.Pool, Index: c.IndexName()}
}

func sampling(s *trace.Sample) sample.Options {
	if s == nil {
		return sample.Options{}
	}
	return sample.Options{Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, Penalty: s.RepetitionPenalty, Seed: s.Seed}
}

func bytes(m engine.Memory) *trace.Memory {
	return &trace.Memory{Weights: m.Weights, Cache: m.Cache, Selection: m.Selection, Work: m.Work, Recording: m.Recording, Total: m.Total()}
}
