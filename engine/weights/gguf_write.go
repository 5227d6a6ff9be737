package weights

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"tokenselect/engine/tokenizer"
)

// ggufFileTypes is llama.cpp's general.file_type of the types that can be written.
var ggufFileTypes = map[Type]uint32{F32: 0, F16: 1, Q4_0: 2, Q8_0: 7, BF16: 32}

// WriteGGUF writes m as one GGUF file that llama.cpp reads too: matrices as t (F32,
// F16, BF16, Q8_0 or Q4_0; as F16 where a row is no whole number of blocks),
// vectors as F32. Of weights that are still in a file a few MiB are read at a
// time.
func WriteGGUF(w io.Writer, m *Model, t Type) error {
	fileType, ok := ggufFileTypes[t]
	if !ok {
		return fmt.Errorf("weights: writing %v is not supported; F32, F16, BF16, Q8_0 and Q4_0 are", t)
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("weights: %s: %w", m.Path, err)
	}
	if s := m.Tokenizer; s != nil && s.IgnoreMerges != ignoresMerges(s.Pre) {
		return fmt.Errorf("weights: %s: tokenizer: ignore_merges is %v with the split %s, which GGUF cannot say", m.Path, s.IgnoreMerges, s.Pre)
	}
	if s := m.Config.RopeScaling; s != nil && s.Fractional {
		return fmt.Errorf("weights: %s: yarn rope scaling with truncate false, which GGUF cannot say", m.Path)
	}
	tensors, err := m.ggufTensors(t)
	if err != nil {
		return fmt.Errorf("weights: %s: %w", m.Path, err)
	}
	g := ggufWriter{}
	m.putMeta(&g, fileType)
	var head ggufWriter
	head.buf = append(head.buf, ggufMagic...)
	head.u32(3)
	head.u64(uint64(len(tensors)))
	head.u64(uint64(g.pairs))
	head.buf = append(head.buf, g.buf...)
	offset := 0
	for _, t := range tensors {
		size, err := t.as.size(t.Shape)
		if err != nil {
			return fmt.Errorf("weights: %s: tensor %s: %w", m.Path, t.Name, err)
		}
		head.string(t.to)
		head.u32(uint32(len(t.Shape)))
		for i := range t.Shape {
			head.u64(uint64(t.Shape[len(t.Shape)-1-i]))
		}
		for number, kind := range ggufTypes {
			if kind == t.as {
				head.u32(number)
			}
		}
		head.u64(uint64(offset))
		offset = aligned(offset + size)
	}
	if _, err := w.Write(pad(head.buf)); err != nil {
		return err
	}
	written := 0
	for _, t := range tensors {
		size, err := t.write(w)
		if err != nil {
			return fmt.Errorf("weights: %s: %w", m.Path, err)
		}
		written += size
		if _, err := w.Write(make([]byte, aligned(written)-written)); err != nil {
			return err
		}
		written = aligned(written)
	}
	return nil
}

// output is a tensor that is to be written.
type output struct {
	Tensor
	to string // its name there
	as Type
}

// atOnce is the number of values of a tensor that are converted and written at a
// time.
const atOnce = 1 << 20

// write writes the values and tells their number of bytes.
func (o output) write(w io.Writer) (int, error) {
	rows, step := 1, 1
	if len(o.Shape) == 2 {
		rows, step = o.Shape[0], max(1, atOnce/max(1, o.Shape[1]))
	}
	size := 0
	for lo := 0; lo < rows; lo += step {
		t := o.Tensor
		var err error
		if len(o.Shape) == 2 {
			t, err = t.Rows(lo, min(lo+step, rows))
		}
		if err == nil {
			t, err = Convert(t, o.as)
		}
		if err != nil {
			return size, err
		}
		n, err := w.Write(t.Data)
		if size += n; err != nil {
			return size, err
		}
	}
	return size, nil
}

func aligned(n int) int { return (n + ggufAlignment - 1) &^ (ggufAlignment - 1) }

func pad(b []byte) []byte { return append(b, make([]byte, aligned(len(b))-len(b))...) }

// ggufTensors are the tensors under GGUF's names, in its order of rows, in the
// order of llama.cpp's own converter.
func (m *Model) ggufTensors(to Type) ([]output, error) {
	c := m.Config
	var out []output
	add := func(gguf, hf string) error {
		t, ok := m.Tensors[hf]
		if !ok {
			return nil // of another architecture; what is needed has been checked
		}
		as := F32
		if len(t.Shape) > 1 {
			as = to
			if _, ok := to.rowBytes(t.Shape[1]); !ok {
				as = F16
			}
		}
		var err error
		if c.pairsNeighbours() {
			switch {
			case strings.Contains(hf, "self_attn.q_proj."):
				t, err = permute(t, c.Heads, true)
			case strings.Contains(hf, "self_attn.k_proj."):
				t, err = permute(t, c.KVHeads, true)
			}
		}
		out = append(out, output{t, gguf, as})
		return err
	}
	if err := add(ggufRootNames[0][0], ggufRootNames[0][1]); err != nil {
		return nil, err
	}
	for i := range c.Layers {
		for _, n := range ggufLayerNames {
			if err := add(fmt.Sprintf("blk.%d.%s", i, n[0]), fmt.Sprintf("model.layers.%d.%s", i, n[1])); err != nil {
				return nil, err
			}
		}
	}
	for _, n := range ggufRootNames[1:] {
		if n[1] == "lm_head.weight" && c.TieEmbeddings {
			continue
		}
		if err := add(n[0], n[1]); err != nil {
			return nil, err
		}
	}
	if f := m.freqFactors(); f != nil {
		const name = "rope_freqs.weight"
		out = append(out, output{Tensor{Name: name, Type: F32, Shape: []int{len(f)}, Data: f32Bytes(f)}, name, F32})
	}
	return out, nil
}

// freqFactors is Llama-3's rope scaling as GGUF keeps it, with what divides
// frequencies besides.
func (m *Model) freqFactors() []float32 {
	if s := m.Config.RopeScaling; s == nil || s.Type != RopeLlama3 {
		return m.Config.FreqFactors
	}
	plain := m.Config
	plain.RopeScaling, plain.FreqFactors = nil, nil
	f, scaled := plain.InvFreq(), m.Config.InvFreq()
	for i := range f {
		f[i] /= scaled[i]
	}
	return f
}

func f32Bytes(v []float32) []byte {
	b := make([]byte, 4*len(v))
	for i, f := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(f))
	}
	return b
}

// ggufEnds are the keys of the tokens that end an answer besides EOS.
var ggufEnds = []string{"eot_token_id", "eom_token_id"}

// ggufWriter collects metadata.
type ggufWriter struct {
	buf   []byte
	pairs int
}

func (g *ggufWriter) u32(v uint32) { g.buf = binary.LittleEndian.AppendUint32(g.buf, v) }
func (g *ggufWriter) u64(v uint64) { g.buf = binary.LittleEndian.AppendUint64(g.buf, v) }
func (g *ggufWriter) string(s string) {
	g.u64(uint64(len(s)))
	g.buf = append(g.buf, s...)
}

func (g *ggufWriter) key(name string, kind uint32) {
	g.pairs++
	g.string(name)
	g.u32(kind)
}

func (g *ggufWriter) putText(key, v string) {
	g.key(key, ggufString)
	g.string(v)
}

func (g *ggufWriter) putInt(key string, v int) {
	g.key(key, ggufUint32)
	g.u32(uint32(v))
}

func (g *ggufWriter) putFloat(key string, v float32) {
	g.key(key, ggufFloat)
	g.u32(math.Float32bits(v))
}

func (g *ggufWriter) putBool(key string, v bool) {
	g.key(key, ggufBool)
	if v {
		g.buf = append(g.buf, 1)
	} else {
		g.buf = append(g.buf, 0)
	}
}

func (g *ggufWriter) putFloats(key string, v []float32) {
	g.key(key, ggufArray)
	g.u32(ggufFloat)
	g.u64(uint64(len(v)))
	g.buf = append(g.buf, f32Bytes(v)...)
}

func (g *ggufWriter) putInt32s(key string, v []int32) {
	g.key(key, ggufArray)
	g.u32(ggufInt32)
	g.u64(uint64(len(v)))
	for _, n := range v {
		g.u32(uint32(n))
	}
}

func (g *ggufWriter) putStrings(key string, v []string) {
	g.key(key, ggufArray)
	g.u32(ggufString)
	g.u64(uint64(len(v)))
	for _, s := range v {
		g.string(s)
	}
}

func (m *Model) putMeta(g *ggufWriter, fileType uint32) {
	c := m.Config
	arch := c.Architecture
	if arch == "mistral" {
		arch = "llama" // as llama.cpp calls it
	}
	g.putText("general.architecture", arch)
	g.putText("general.type", "model")
	g.putText("general.name", c.Name)
	g.putInt("general.file_type", int(fileType))
	g.putInt("general.quantization_version", 2)
	g.putConfig(c, arch+".")
	if m.Tokenizer != nil {
		g.putTokenizer(m.Tokenizer)
	}
}

// putConfig writes the configuration, under keys that begin with p.
func (g *ggufWriter) putConfig(c Config, p string) {
	g.putInt(p+"vocab_size", c.Vocab)
	g.putInt(p+"context_length", c.Context)
	g.putInt(p+"embedding_length", c.Hidden)
	g.putInt(p+"block_count", c.Layers)
	g.putInt(p+"feed_forward_length", c.FeedForward)
	g.putInt(p+"attention.head_count", c.Heads)
	g.putInt(p+"attention.head_count_kv", c.KVHeads)
	g.putInt(p+"attention.key_length", c.HeadDim)
	g.putInt(p+"attention.value_length", c.HeadDim)
	g.putFloat(p+"attention.layer_norm_rms_epsilon", c.NormEps)
	g.putInt(p+"rope.dimension_count", c.HeadDim)
	g.putFloat(p+"rope.freq_base", float32(c.RopeTheta))
	c.putRope(g, p)
	c.putWindow(g, p)
}

func (g *ggufWriter) putTokenizer(s *tokenizer.Spec) {
	if s.Kind == tokenizer.SentencePiece {
		g.putText("tokenizer.ggml.model", ggufSentencePiece)
		g.putText("tokenizer.ggml.pre", "default")
		scores := s.Scores
		if len(s.Merges) > 0 {
			scores = s.MergeScores()
		}
		g.putFloats("tokenizer.ggml.scores", scores)
		g.putBool("tokenizer.ggml.add_space_prefix", s.Prefix != tokenizer.PrefixNone)
		if scheme, ok := prependSchemes[s.Prefix]; ok {
			g.putText(keyPrepend, scheme)
		}
	} else {
		g.putText("tokenizer.ggml.model", ggufByteLevel)
		g.putText("tokenizer.ggml.pre", s.Pre)
	}
	g.putStrings("tokenizer.ggml.tokens", s.Tokens)
	if len(s.Types) > 0 {
		g.putInt32s("tokenizer.ggml.token_type", s.Types)
	}
	if len(s.Attributes) > 0 {
		g.putInt32s(keyAttributes, s.Attributes)
	}
	if s.Kind == tokenizer.ByteLevel || len(s.Merges) > 0 {
		g.putStrings("tokenizer.ggml.merges", s.Merges)
	}
	g.putBool("tokenizer.ggml.add_bos_token", s.AddBOS)
	if s.AddEOS {
		g.putBool("tokenizer.ggml.add_eos_token", true)
	}
	for _, t := range []struct {
		key string
		id  int
	}{{"bos_token_id", s.BOS}, {"eos_token_id", s.EOS}, {"padding_token_id", s.PAD}, {"unknown_token_id", s.UNK}} {
		if t.id >= 0 {
			g.putInt("tokenizer.ggml."+t.key, t.id)
		}
	}
	for i, id := range s.EOT[:min(len(s.EOT), len(ggufEnds))] {
		g.putInt("tokenizer.ggml."+ggufEnds[i], id)
	}
	if s.ChatTemplate != "" {
		g.putText("tokenizer.chat_template", s.ChatTemplate)
	}
}
