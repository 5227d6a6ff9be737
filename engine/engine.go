// Package engine runs a language model over documents far longer than it was
// trained for: TokenSelect (arXiv 2411.02886) on a device that it is handed. It
// speaks token ids; package session puts text in front of it.
package engine

import (
	"fmt"
	"strings"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/model"
	"tokenselect/engine/record"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
)

// Engine is a model on a device. It serves sessions one step at a time: it is
// not safe for concurrent use.
type Engine struct {
	dev   gpu.Device
	model *model.Model
	cache kernels.CacheType
}

// Options are those of an engine. The zero value is the default.
type Options struct {
	// Cache is how keys and values are stored: "f16", "f32", or "" for float32
	// on the CPU, where it makes every selection that of the float32 reference,
	// and float16 elsewhere, which takes half the memory.
	Cache string

	// Context and Selection are those of the longest session that the engine is wanted
	// for, where that is known: New then refuses before it loads anything what the
	// device has not the memory for. With a Context of 0 the weights have to fit.
	Context   int
	Selection selection.Config
}

// New puts a checkpoint's weights on dev. The device stays the caller's to
// close, after the engine. What cannot fit is refused, with an error that wraps
// gpu.ErrOutOfMemory or gpu.ErrLimit.
func New(dev gpu.Device, ckpt *weights.Model, o Options) (*Engine, error) {
	cache, err := o.cache(dev.Info())
	if err != nil {
		return nil, err
	}
	need, err := Estimate(ckpt, o.Context, dev.Info(), o, o.Selection)
	if err != nil {
		return nil, err
	}
	if err := need.Fits(dev.Info()); err != nil {
		return nil, fmt.Errorf("engine: %s: %w", ckpt.Path, err)
	}
	m, err := model.Load(dev, ckpt)
	if err != nil {
		return nil, err
	}
	return &Engine{dev, m, cache}, nil
}

func (o Options) cache(info gpu.Info) (kernels.CacheType, error) {
	switch {
	case o.Cache != "":
		return kernels.ParseCacheType(o.Cache)
	case info.Kind == gpu.CPU:
		return kernels.CacheF32, nil
	}
	return kernels.CacheF16, nil
}

// Config is the model's.
func (e *Engine) Config() weights.Config { return e.model.Config }

// Cache is how keys and values are stored: "f16" or "f32".
func (e *Engine) Cache() string { return e.cache.String() }

// Ahead is the number of steps that suits GenerateOptions.Ahead on this device: a
// GPU computes some while the host reads those before and prepares those after them.
func (e *Engine) Ahead() int {
	if !e.dev.Info().Kind.Real() {
		return 0
	}
	return 8
}

// Warning is what a user should know of a policy and its budgets with a model, or "".
func Warning(c weights.Config, cfg selection.Config) string {
	said := []string{cfg.Warning(c.Context)}
	n := c.WindowLayers()
	switch {
	case n == 0 || cfg.Policy == selection.Dense:
	case n == c.Layers:
		said = append(said, fmt.Sprintf("all layers of this model have a sliding window: each reads the last %d tokens, and policy %s selects nothing", c.Window, cfg.Policy))
	default:
		said = append(said, fmt.Sprintf("%d of the %d layers of this model have a sliding window: they read the last %d tokens, and policy %s selects in the others alone", n, c.Layers, c.Window, cfg.Policy))
	}
	return strings.Trim(strings.Join(said, "; "), "; ")
}

// Device describes what the engine runs on.
func (e *Engine) Device() gpu.Info { return e.dev.Info() }

// Close frees the weights. Close the sessions first.
func (e *Engine) Close() { e.model.Close() }

// Memory is device memory in bytes, by use.
type Memory struct {
	Weights   int64
	Cache     int64 // keys and values
	Selection int64 // scores, votes, selections and the Selection Cache
	Work      int64 // activations and the rotary table
	Recording int64 // copies for an answer that is recorded, while it lasts; see Engine.Recording
}

// Total is the sum.
func (m Memory) Total() int64 { return m.Weights + m.Cache + m.Selection + m.Work + m.Recording }

// Memory is what the engine and one session of so many tokens will take when
// the context is full. Nothing is allocated.
func (e *Engine) Memory(context int, cfg selection.Config) Memory {
	m := estimate(e.model.Config, e.dev.Info().Kind, context, e.cache, cfg)
	m.Weights = e.model.Bytes()
	return m
}

// Recording is what recording takes of the device besides, in such a session.
func (e *Engine) Recording(context int, cfg selection.Config, o record.Options) int64 {
	return record.Bytes(cfg, SelectionShape(e.model.Config), context, o.Votes)
}

// Estimate is Memory for a checkpoint that is not loaded, on a device; with a context
// of 0 that of the weights alone. Nothing is allocated, nor read of weights that are
// still in their file. An error wraps gpu.ErrLimit where the device cannot bind what it
// would have to.
func Estimate(ckpt *weights.Model, context int, dev gpu.Info, o Options, cfg selection.Config) (m Memory, err error) {
	cache, err := o.cache(dev)
	if err != nil {
		return m, err
	}
	if context > 0 {
		if err := cfg.Validate(); err != nil {
			return m, err
		}
		m = estimate(ckpt.Config, dev.Kind, context, cache, cfg)
		shape := model.Model{Config: ckpt.Config}
		keys := shape.CacheShape(cache, kernels.IndexNone).Bytes(context) / int64(2*ckpt.Config.Layers) // or values; an index is smaller
		_, largest := shape.WorkBytes(cfg.Chunk, dev.Kind, cfg.Index)
		most := int64(min(dev.Limits.Binding, dev.Limits.Buffer))
		for _, bound := range []struct {
			what   string
			tokens int
			bytes  int64
		}{{"a layer in a context", context, keys}, {"a step", cfg.Chunk, largest}} {
			if bound.bytes > most {
				return m, fmt.Errorf("engine: %s: %s of %d tokens takes %d bytes at once, %s can bind %d: %w",
					ckpt.Path, bound.what, bound.tokens, bound.bytes, dev.Name, most, gpu.ErrLimit)
			}
		}
	}
	m.Weights, err = model.WeightBytes(dev.Limits, ckpt)
	return m, err
}

// Fits is an error, with the numbers, where m is more than the memory that was free
// when a device was opened, as far as the device tells: a GPU's drivers do not.
func (m Memory) Fits(dev gpu.Info) error {
	if free := int64(dev.Limits.Memory); free > 0 && m.Total() > free {
		return fmt.Errorf("%s of memory are needed (weights %s, keys and values %s, selection %s, work %s), %s has %s free: %w",
			mebibytes(m.Total()), mebibytes(m.Weights), mebibytes(m.Cache), mebibytes(m.Selection), mebibytes(m.Work), dev.Name, mebibytes(free), gpu.ErrOutOfMemory)
	}
	return nil
}

// mebibytes is a number of bytes in words. It is called by name for the size of the
// engine for browsers.
//
//go:noinline
func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func estimate(c weights.Config, on gpu.Kind, context int, cache kernels.CacheType, cfg selection.Config) Memory {
	m := model.Model{Config: c}
	work, _ := m.WorkBytes(cfg.Chunk, on, cfg.Index)
	return Memory{
		Cache:     m.CacheShape(cache, cfg.Index).Bytes(context),
		Selection: selection.Bytes(cfg, SelectionShape(c), context, on),
		Work:      work + m.TableBytes(SelectionShape(c).Positions(cfg, context)),
	}
}

// SelectionShape is what a selector needs to know of a model.
func SelectionShape(c weights.Config) selection.Shape {
	s := selection.Shape{Layers: c.Layers, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, InvFreq: c.InvFreq(), RopeScale: c.RopeAttention()}
	if c.WindowLayers() > 0 {
		s.Windows = make([]int, c.Layers)
		for i := range s.Windows {
			s.Windows[i] = c.WindowOf(i)
		}
	}
	return s
}

// SessionOptions are those of a session.
type SessionOptions struct {
	Context   int              // tokens that the session may grow to
	Selection selection.Config // policy and budgets
}

// NewSession makes an empty session. Its cache takes memory as it fills, up to
// what Memory says.
func (e *Engine) NewSession(o SessionOptions) (*Session, error) {
	sel, err := selection.New(e.dev, o.Selection, SelectionShape(e.model.Config))
	if err != nil {
		return nil, err
	}
	if o.Context < 1 {
		sel.Close()
		return nil, fmt.Errorf("engine: context of %d tokens, expected at least 1", o.Context)
	}
	if err := e.Memory(o.Context, o.Selection).Fits(e.dev.Info()); err != nil {
		sel.Close()
		return nil, fmt.Errorf("engine: context of %d tokens: %w", o.Context, err)
	}
	seq, err := e.model.NewSequence(o.Context, o.Selection.Chunk, e.cache, o.Selection.Index, sel)
	if err != nil {
		sel.Close()
		return nil, err
	}
	return &Session{e: e, seq: seq, sel: sel}, nil
}
