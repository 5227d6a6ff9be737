// Package model is the forward pass of the Llama family (Llama, Mistral, Qwen2,
// Qwen3) as recordings of kernels over a token-paged cache. It speaks token
// ids, and asks a [Selector] which rows of the cache each layer attends to.
package model

import (
	"fmt"
	"runtime/debug"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/kvcache"
	"tokenselect/engine/weights"
)

// Selector chooses what each layer attends to; package selection implements it.
type Selector interface {
	// Positions is the number of rows of the rotary table that a cache of rows
	// rows needs.
	Positions(rows int) int
	// Reserve prepares for a cache of rows rows and a rotary table.
	Reserve(rows int, table gpu.Range) error
	// Select records what finds the rows that q attends to.
	Select(r *gpu.Recording, q kernels.Query) kernels.Selection
}

// Model is a checkpoint's weights on a device.
type Model struct {
	Config weights.Config
	dev    gpu.Device
	embed  kernels.Weight // [vocab][hidden]
	layers []layer
	norm   gpu.Range      // [hidden]
	head   kernels.Weight // [vocab][hidden]; embed where they are tied

	buffers []*gpu.Buffer
	bytes   int64
}

type layer struct {
	attnNorm gpu.Range      // [hidden]
	qkv      kernels.Weight // [(heads + 2 kvHeads) d][hidden]
	bias     gpu.Range      // [(heads + 2 kvHeads) d], where the model has one
	qNorm    gpu.Range      // [d], where the model has one
	kNorm    gpu.Range
	o        kernels.Weight // [hidden][heads d]
	oBias    gpu.Range      // [hidden], where the model has one
	mlpNorm  gpu.Range
	gateUp   kernels.Weight // [2 feedForward][hidden]
	down     kernels.Weight // [hidden][feedForward]

	gateUpBias gpu.Range // [2 feedForward], where the model has one
	downBias   gpu.Range // [hidden], likewise
}

// garbage is the share in percent of what is in use that Go may leave uncollected
// while weights are loaded. They are most of what is in use then, and of pieces of
// them that have been converted nothing should stay: its default lets as much
// again lie about.
const garbage = 5

// Load puts a checkpoint's weights on dev. It needs little more memory than what the
// device takes.
func Load(dev gpu.Device, ckpt *weights.Model) (*Model, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(garbage))
	m := &Model{Config: ckpt.Config, dev: dev}
	if err := m.load(uploader{Model: m, ckpt: ckpt, limits: dev.Info().Limits}); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// WeightBytes is the device memory that a checkpoint's weights will take, as Load
// keeps them on a device with some limits. Nothing is allocated or read: numbers in
// bfloat16 are taken to be of ordinary size. An error says why Load will fail.
func WeightBytes(limits gpu.Limits, ckpt *weights.Model) (int64, error) {
	m := &Model{Config: ckpt.Config}
	err := m.load(uploader{Model: m, ckpt: ckpt, limits: limits, dry: true})
	return m.bytes, err
}

func (m *Model) load(u uploader) error {
	c := m.Config
	if err := kernels.FitHeads(c.Heads, c.KVHeads, c.HeadDim); err != nil {
		return fmt.Errorf("model: %s: %w", u.ckpt.Path, err)
	}
	m.layers = make([]layer, c.Layers)
	m.embed = u.matrix("model.embed_tokens.weight")
	m.head = m.embed
	if !c.TieEmbeddings {
		m.head = u.matrix("lm_head.weight")
	}
	m.norm = u.vector("model.norm.weight")
	for i := range m.layers {
		l, p := &m.layers[i], fmt.Sprintf("model.layers.%d.", i)
		l.attnNorm = u.vector(p + "input_layernorm.weight")
		l.qkv = u.matrix(p+"self_attn.q_proj.weight", p+"self_attn.k_proj.weight", p+"self_attn.v_proj.weight")
		if c.AttentionBias {
			l.bias = u.vector(p+"self_attn.q_proj.bias", p+"self_attn.k_proj.bias", p+"self_attn.v_proj.bias")
		}
		if c.QKNorm {
			l.qNorm, l.kNorm = u.vector(p+"self_attn.q_norm.weight"), u.vector(p+"self_attn.k_norm.weight")
		}
		l.o = u.matrix(p + "self_attn.o_proj.weight")
		if c.OutputBias {
			l.oBias = u.vector(p + "self_attn.o_proj.bias")
		}
		l.mlpNorm = u.vector(p + "post_attention_layernorm.weight")
		l.gateUp = u.matrix(p+"mlp.gate_proj.weight", p+"mlp.up_proj.weight")
		l.down = u.matrix(p + "mlp.down_proj.weight")
		if c.MLPBias {
			l.gateUpBias = u.vector(p+"mlp.gate_proj.bias", p+"mlp.up_proj.bias")
			l.downBias = u.vector(p + "mlp.down_proj.bias")
		}
	}
	if u.err != nil {
		return fmt.Errorf("model: %s: %w", u.ckpt.Path, u.err)
	}
	return nil
}

// Bytes is the device memory that the weights take.
func (m *Model) Bytes() int64 { return m.bytes }

// CacheShape is the shape of the model's cache when it is stored as t, with an
// index.
func (m *Model) CacheShape(t kernels.CacheType, index kernels.IndexType) kvcache.Shape {
	return kvcache.Shape{Layers: m.Config.Layers, KVHeads: m.Config.KVHeads, HeadDim: m.Config.HeadDim, Type: t, Index: index}
}

// Close frees the weights.
func (m *Model) Close() {
	for _, b := range m.buffers {
		m.dev.Free(b)
	}
	m.buffers, m.bytes = nil, 0
}
