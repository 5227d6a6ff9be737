// Package weights reads checkpoints of language models, in GGUF, in Hugging Face's
// safetensors layout and in llama2.c's format, and writes the first two. What it
// returns is checked: every tensor that the architecture needs is there, in the
// right shape, with finite values. Where the weights stay in the file (Open,
// OpenGGUF), their values are checked when they are loaded.
package weights

import (
	"fmt"
	"slices"
	"strings"

	"tokenselect/engine/tokenizer"
)

// Model is a checkpoint as read: nothing is converted until it is asked for.
type Model struct {
	Path         string // of the file or folder, for errors and reports
	Config       Config
	Tensors      map[string]Tensor // by Hugging Face's names
	Tokenizer    *tokenizer.Spec   // nil where the checkpoint has none
	Quantisation string            // the storage of its matrices: "Q8_0", "F16", "BF16 and F32", ...
	Bytes        int64             // of all tensors

	files files // that the tensors are still in
}

// Close lets go of the files of a model that Open opened. The tensors that were
// in them must not be used any more, nor what they gave; what a device has of them
// may.
func (m *Model) Close() error {
	open := m.files
	m.files = nil
	if err := open.close(); err != nil {
		return fmt.Errorf("weights: %s: %w", m.Path, err)
	}
	return nil
}

// tie gives the one matrix of a model whose embeddings are its head too the embeddings'
// name: files of such models have it under either.
func (m *Model) tie() {
	const embeddings, head = "model.embed_tokens.weight", "lm_head.weight"
	t, ok := m.Tensors[head]
	if _, both := m.Tensors[embeddings]; m.Config.TieEmbeddings && ok && !both {
		t.Name = embeddings
		m.Tensors[embeddings] = t
		delete(m.Tensors, head)
	}
}

// finish describes the tensors of m and checks them against its configuration.
func (m *Model) finish() error {
	m.tie()
	seen := map[Type]bool{}
	for _, t := range m.Tensors {
		size, _ := t.Type.size(t.Shape) // check tells what is wrong with it
		m.Bytes += int64(size)
		if len(t.Shape) > 1 {
			seen[t.Type] = true
		}
	}
	for t := F32; int(t) < len(formats); t++ {
		if seen[t] {
			if m.Quantisation != "" {
				m.Quantisation += " and "
			}
			m.Quantisation += t.String()
		}
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("weights: %s: %w", m.Path, err)
	}
	return nil
}

// check compares the tensors with what the configuration calls for.
func (m *Model) check() error {
	belongs := map[string]bool{}
	for _, n := range m.Config.tensors() {
		t, ok := m.Tensors[n.name]
		if !ok {
			return fmt.Errorf("tensor %s is missing", n.name)
		}
		if !slices.Equal(t.Shape, n.shape) {
			return fmt.Errorf("tensor %s: shape %v, expected %v", n.name, t.Shape, n.shape)
		}
		if _, err := t.values(); err != nil {
			return err
		}
		if t.File == nil { // what is loaded later is checked then
			if err := t.finite(); err != nil {
				return err
			}
		}
		belongs[n.name] = true
	}
	for name := range m.Tensors {
		switch {
		case belongs[name], name == "lm_head.weight": // tied: a copy of the embeddings
		case strings.HasSuffix(name, ".rotary_emb.inv_freq"): // of old checkpoints; it is computed
		default:
			return fmt.Errorf("tensor %s is not one of a %s model of %d layers", name, m.Config.Architecture, m.Config.Layers)
		}
	}
	if f := m.Config.FreqFactors; f != nil && len(f) != m.Config.HeadDim/2 {
		return fmt.Errorf("tensor rope_freqs.weight: %d values, expected %d", len(f), m.Config.HeadDim/2)
	}
	if spec := m.Tokenizer; spec != nil && len(spec.Tokens) > m.Config.Vocab {
		return fmt.Errorf("tokenizer of %d tokens, expected at most the vocabulary of %d", len(spec.Tokens), m.Config.Vocab)
	}
	return nil
}

type needed struct {
	name  string
	shape []int
}

// tensors lists what a model of this configuration consists of.
func (c Config) tensors() []needed {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	all := []needed{{"model.embed_tokens.weight", []int{c.Vocab, c.Hidden}}, {"model.norm.weight", []int{c.Hidden}}}
	if !c.TieEmbeddings {
		all = append(all, needed{"lm_head.weight", []int{c.Vocab, c.Hidden}})
	}
	for i := range c.Layers {
		p := fmt.Sprintf("model.layers.%d.", i)
		all = append(all,
			needed{p + "input_layernorm.weight", []int{c.Hidden}},
			needed{p + "self_attn.q_proj.weight", []int{q, c.Hidden}},
			needed{p + "self_attn.k_proj.weight", []int{kv, c.Hidden}},
			needed{p + "self_attn.v_proj.weight", []int{kv, c.Hidden}},
			needed{p + "self_attn.o_proj.weight", []int{c.Hidden, q}},
			needed{p + "post_attention_layernorm.weight", []int{c.Hidden}},
			needed{p + "mlp.gate_proj.weight", []int{c.FeedForward, c.Hidden}},
			needed{p + "mlp.up_proj.weight", []int{c.FeedForward, c.Hidden}},
			needed{p + "mlp.down_proj.weight", []int{c.Hidden, c.FeedForward}})
		if c.AttentionBias {
			all = append(all, needed{p + "self_attn.q_proj.bias", []int{q}},
				needed{p + "self_attn.k_proj.bias", []int{kv}}, needed{p + "self_attn.v_proj.bias", []int{kv}})
		}
		if c.OutputBias {
			all = append(all, needed{p + "self_attn.o_proj.bias", []int{c.Hidden}})
		}
		if c.MLPBias {
			all = append(all, needed{p + "mlp.gate_proj.bias", []int{c.FeedForward}},
				needed{p + "mlp.up_proj.bias", []int{c.FeedForward}}, needed{p + "mlp.down_proj.bias", []int{c.Hidden}})
		}
		if c.QKNorm {
			all = append(all, needed{p + "self_attn.q_norm.weight", []int{c.HeadDim}}, needed{p + "self_attn.k_norm.weight", []int{c.HeadDim}})
		}
	}
	return all
}
