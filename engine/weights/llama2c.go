package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"tokenselect/engine/tokenizer"
)

// llama2CHeader is what a checkpoint of llama2.c begins with.
type llama2CHeader struct {
	Hidden, FeedForward, Layers, Heads, KVHeads int32
	Vocab                                       int32 // negative: the head is not the embeddings
	Context                                     int32
}

// OpenLlama2C reads the header of a checkpoint of llama2.c (its version 0, which
// has no magic number) of size bytes and leaves the weights, float32, where they
// are. vocabulary is its tokenizer's file; without it (nil) the model has no
// tokenizer. name is for errors and reports.
func OpenLlama2C(name string, r io.ReaderAt, size int64, vocabulary []byte) (*Model, error) {
	m, err := openLlama2C(name, r, size)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", name, err)
	}
	if vocabulary != nil {
		if m.Tokenizer, err = llama2CVocabulary(vocabulary, m.Config.Vocab); err != nil {
			return nil, fmt.Errorf("weights: %s: vocabulary: %w", name, err)
		}
		m.Tokenizer.Name = name
	}
	return m, m.finish()
}

func openLlama2C(name string, r io.ReaderAt, size int64) (*Model, error) {
	var h llama2CHeader
	head := int64(binary.Size(h))
	if size < head {
		return nil, fmt.Errorf("%d bytes, expected at least the %d of llama2.c's header", size, head)
	}
	if err := binary.Read(io.NewSectionReader(r, 0, head), binary.LittleEndian, &h); err != nil {
		return nil, err
	}
	c := Config{Architecture: "llama", Name: filepath.Base(name), Layers: int(h.Layers), Hidden: int(h.Hidden), FeedForward: int(h.FeedForward),
		Heads: int(h.Heads), KVHeads: int(h.KVHeads), Vocab: int(h.Vocab), Context: int(h.Context), NormEps: 1e-5, RopeTheta: 10000, TieEmbeddings: h.Vocab > 0}
	if c.Vocab < 0 {
		c.Vocab = -c.Vocab
	}
	if c.Heads > 0 {
		c.HeadDim = c.Hidden / c.Heads
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("no checkpoint of llama2.c: %w", err)
	}
	m := &Model{Path: name, Config: c, Tensors: map[string]Tensor{}}
	at := head
	add := func(name string, shape ...int) {
		m.Tensors[name] = Tensor{Name: name, Type: F32, Shape: shape, File: &File{At: at, r: r}}
		values := int64(1)
		for _, d := range shape {
			values *= int64(d)
		}
		at += 4 * values
	}
	// A kind of tensor after the other, of all layers.
	each := func(name string, shape ...int) {
		for i := range c.Layers {
			add(fmt.Sprintf("model.layers.%d.%s.weight", i, name), shape...)
		}
	}
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	add("model.embed_tokens.weight", c.Vocab, c.Hidden)
	each("input_layernorm", c.Hidden)
	each("self_attn.q_proj", q, c.Hidden)
	each("self_attn.k_proj", kv, c.Hidden)
	each("self_attn.v_proj", kv, c.Hidden)
	each("self_attn.o_proj", c.Hidden, q)
	each("post_attention_layernorm", c.Hidden)
	each("mlp.gate_proj", c.FeedForward, c.Hidden)
	each("mlp.down_proj", c.Hidden, c.FeedForward)
	each("mlp.up_proj", c.FeedForward, c.Hidden)
	add("model.norm.weight", c.Hidden)
	at += 4 * int64(c.Context) * int64(c.HeadDim) // cosines and sines, which are computed
	if !c.TieEmbeddings {
		add("lm_head.weight", c.Vocab, c.Hidden)
	}
	if at != size {
		return nil, fmt.Errorf("%d bytes, expected %d for a checkpoint of llama2.c of %d layers, hidden size %d and %d tokens", size, at, c.Layers, c.Hidden, c.Vocab)
	}
	// llama2.c rotates neighbours, as GGUF's llama does.
	return m, m.permute()
}

// openLlama2CBeside reads a checkpoint with the vocabulary that is beside it: a file
// called tok512.bin, of so many tokens, or tokenizer.bin.
func openLlama2CBeside(p Part) (*Model, error) {
	m, err := OpenLlama2C(p.Name, p.R, p.Size, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{fmt.Sprintf("tok%d.bin", m.Config.Vocab), "tokenizer.bin"} {
		vocabulary, err := os.ReadFile(filepath.Join(filepath.Dir(p.Name), name))
		if err == nil {
			return OpenLlama2C(p.Name, p.R, p.Size, vocabulary)
		}
		if !os.IsNotExist(err) {
			return nil, fmt.Errorf("weights: %w", err)
		}
	}
	return m, nil
}

// llama2CVocabulary is a vocabulary of n tokens: SentencePiece's of Llama, whose
// first three tokens are unknown, BOS and EOS, which are spelled between line
// breaks, as spaces are spelled as they are.
func llama2CVocabulary(data []byte, n int) (*tokenizer.Spec, error) {
	tokens, scores, err := llama2CTokens(data, n)
	if err != nil {
		return nil, err
	}
	if n < 3 {
		return nil, fmt.Errorf("%d tokens, expected those for unknown, BOS and EOS and more", n)
	}
	s := &tokenizer.Spec{Kind: tokenizer.SentencePiece, Tokens: tokens, Types: make([]int32, n), Scores: scores,
		Prefix: tokenizer.PrefixAlways, BOS: 1, EOS: 2, PAD: -1, UNK: 0, AddBOS: true}
	for id, token := range tokens {
		s.Tokens[id] = strings.ReplaceAll(token, " ", "▁")
		s.Types[id] = 1
		if len(token) == 6 && strings.HasPrefix(token, "<0x") && token[5] == '>' {
			s.Types[id] = 6
		}
	}
	for id, kind := range []int32{2, 3, 3} {
		s.Tokens[id], s.Types[id] = strings.Trim(s.Tokens[id], "\n"), kind
	}
	return s, nil
}

// llama2CTokens reads a vocabulary of n tokens of llama2.c: the length of the longest,
// then of each a score, a length and its bytes.
func llama2CTokens(data []byte, n int) (tokens []string, scores []float32, err error) {
	if len(data) < 4 {
		return nil, nil, fmt.Errorf("%d bytes, expected at least the 4 of the longest token's length", len(data))
	}
	left := data[4:]
	for id := range n {
		if len(left) < 8 {
			return nil, nil, fmt.Errorf("ends before token %d, expected %d", id, n)
		}
		score, length := math.Float32frombits(binary.LittleEndian.Uint32(left)), binary.LittleEndian.Uint32(left[4:])
		left = left[8:]
		if uint64(length) > uint64(len(left)) {
			return nil, nil, fmt.Errorf("token %d has %d bytes, expected at most the %d left", id, length, len(left))
		}
		if score != score || math.IsInf(float64(score), 0) {
			return nil, nil, fmt.Errorf("token %d has the score %v, expected a number", id, score)
		}
		tokens, scores = append(tokens, string(left[:length])), append(scores, score)
		left = left[length:]
	}
	if len(left) > 0 {
		return nil, nil, fmt.Errorf("%d bytes behind the last of %d tokens, expected none", len(left), n)
	}
	return tokens, scores, nil
}
