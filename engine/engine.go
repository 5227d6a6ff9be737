// Package engine runs a language model over documents far longer than it was
// trained for: TokenSelect (arXiv 2411.02886) on a device that it is handed. It
// speaks token ids; package session puts text in front of it.
package engine

import (
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/model"
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
}

// New puts a checkpoint's weights on dev. The device stays the caller's to
// close, after the engine.
func New(dev gpu.Device, ckpt *weights.Model, o Options) (*Engine, error) {
	cache, err := o.cache(dev.Info())
	if err != nil {
		return nil, err
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

// Ahead is the number of steps that suits GenerateOptions.Ahead on this device:
// a GPU computes the next ones while the host prepares those after them.
func (e *Engine) Ahead() int {
	if !e.dev.Info().Kind.Real() {
		return 0
	}
	return 8
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
}

// Total is the sum.
func (m Memory) Total() int64 { return m.Weights + m.Cache + m.Selection + m.Work }

// Memory is what the engine and one session of so many tokens will take when
// the context is full. Nothing is allocated.
func (e *Engine) Memory(context int, cfg selection.Config) Memory {
	m := estimate(e.model.Config, e.dev.Info().Kind, context, e.cache, cfg)
	m.Weights = e.model.Bytes()
	return m
}

// Estimate is Memory for a model that is not loaded, without its weights, on a
// device.
func Estimate(c weights.Config, context int, dev gpu.Info, o Options, cfg selection.Config) (Memory, error) {
	cache, err := o.cache(dev)
	return estimate(c, dev.Kind, context, cache, cfg), err
}

func estimate(c weights.Config, on gpu.Kind, context int, cache kernels.CacheType, cfg selection.Config) Memory {
	m := model.Model{Config: c}
	return Memory{
		Cache:     m.CacheShape(cache, cfg.Index).Bytes(context),
		Selection: selection.Bytes(cfg, shape(c), context, on),
		Work:      m.WorkBytes(cfg.Chunk, on, cfg.Index) + m.TableBytes(cfg.Positions(context)),
	}
}

func shape(c weights.Config) selection.Shape {
	return selection.Shape{Layers: c.Layers, Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, InvFreq: c.InvFreq()}
}

// SessionOptions are those of a session.
type SessionOptions struct {
	Context   int              // tokens that the session may grow to
	Selection selection.Config // policy and budgets
}

// NewSession makes an empty session. Its cache takes memory as it fills, up to
// what Memory says.
func (e *Engine) NewSession(o SessionOptions) (*Session, error) {
	sel, err := selection.New(e.dev, o.Selection, shape(e.model.Config))
	if err != nil {
		return nil, err
	}
	if o.Context < 1 {
		sel.Close()
		return nil, fmt.Errorf("engine: context of %d tokens, expected at least 1", o.Context)
	}
	need := e.Memory(o.Context, o.Selection)
	if free := e.dev.Info().Limits.Memory; free > 0 && need.Total()-need.Weights > int64(free) {
		sel.Close()
		return nil, fmt.Errorf("engine: context of %d tokens takes %d bytes of memory, %d are free: %w", o.Context, need.Total()-need.Weights, free, gpu.ErrOutOfMemory)
	}
	seq, err := e.model.NewSequence(o.Context, o.Selection.Chunk, e.cache, o.Selection.Index, sel)
	if err != nil {
		sel.Close()
		return nil, err
	}
	return &Session{e: e, seq: seq, sel: sel}, nil
}
