package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"tokenselect/engine/tokenizer"
)

// ParseGGUF reads a checkpoint from the bytes of a GGUF file. Its tensors alias
// data, but for the rows of q and k of architecture llama, which GGUF keeps in
// an order of its own. name is for errors and reports.
func ParseGGUF(name string, data []byte) (*Model, error) {
	return ParseGGUFParts(name, data)
}

// ParseGGUFParts is ParseGGUF of a checkpoint that is split into several files,
// given in any order.
func ParseGGUFParts(name string, parts ...[]byte) (*Model, error) {
	files := make([]*ggufFile, len(parts))
	for i, data := range parts {
		part := name
		if len(parts) > 1 {
			part = fmt.Sprintf("%s, file %d of %d", name, i+1, len(parts))
		}
		f, err := readGGUF(data, int64(len(data)))
		if err != nil {
			return nil, fmt.Errorf("weights: %s: %w", part, err)
		}
		for j, p := range f.places {
			end := p.at + int64(p.size)
			f.tensors[j].Data = data[p.at:end:end]
		}
		f.name, files[i] = part, f
	}
	return newModel(name, files)
}

// newModel is the checkpoint in files.
func newModel(name string, files []*ggufFile) (*Model, error) {
	f, err := join(files)
	var m *Model
	if err == nil {
		m, err = f.model(name)
	}
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", name, err)
	}
	return m, m.finish()
}

// model is the checkpoint in a file whose tensors have their data, or know where
// it is.
func (f *ggufFile) model(name string) (*Model, error) {
	var err error
	g := ggufMeta{meta: f.meta}
	m := &Model{Path: name, Tensors: make(map[string]Tensor, len(f.tensors))}
	for _, t := range f.tensors {
		hf, ok := hfName(t.Name)
		switch {
		case t.Name == "rope_freqs.weight":
			if m.Config.FreqFactors, err = t.Float32(); err != nil {
				return nil, err
			}
			for _, v := range m.Config.FreqFactors {
				if !(v > 0) || math.IsInf(float64(v), 0) {
					return nil, fmt.Errorf("tensor %s: value %v, expected positive numbers", t.Name, v)
				}
			}
			continue
		case !ok:
			return nil, fmt.Errorf("tensor %s is not one of a %s model", t.Name, g.text("general.architecture"))
		}
		t.Name = hf
		m.Tensors[hf] = t
	}
	g.config(m)
	m.Tokenizer = g.tokenizer(name)
	if g.err != nil {
		return nil, g.err
	}
	if err := m.Config.validate(); err != nil {
		return nil, err
	}
	if m.Config.pairsNeighbours() {
		return m, m.permute()
	}
	return m, nil
}

// permute brings the rows of q and k, in which neighbours are rotated together, to
// Hugging Face's order.
func (m *Model) permute() error {
	for i := range m.Config.Layers {
		for proj, heads := range map[string]int{"q_proj": m.Config.Heads, "k_proj": m.Config.KVHeads} {
			for _, kind := range []string{"weight", "bias"} {
				n := fmt.Sprintf("model.layers.%d.self_attn.%s.%s", i, proj, kind)
				t, ok := m.Tensors[n]
				if !ok {
					continue
				}
				var err error
				if m.Tensors[n], err = permute(t, heads, false); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ggufNames are GGUF's tensor names and Hugging Face's, of a layer and of the
// rest.
var ggufLayerNames = [][2]string{
	{"attn_norm.weight", "input_layernorm.weight"},
	{"ffn_down.weight", "mlp.down_proj.weight"},
	{"ffn_gate.weight", "mlp.gate_proj.weight"},
	{"ffn_up.weight", "mlp.up_proj.weight"},
	{"ffn_norm.weight", "post_attention_layernorm.weight"},
	{"attn_k.weight", "self_attn.k_proj.weight"},
	{"attn_output.weight", "self_attn.o_proj.weight"},
	{"attn_q.weight", "self_attn.q_proj.weight"},
	{"attn_v.weight", "self_attn.v_proj.weight"},
	{"attn_k.bias", "self_attn.k_proj.bias"},
	{"attn_q.bias", "self_attn.q_proj.bias"},
	{"attn_v.bias", "self_attn.v_proj.bias"},
	{"attn_output.bias", "self_attn.o_proj.bias"},
	{"ffn_gate.bias", "mlp.gate_proj.bias"},
	{"ffn_up.bias", "mlp.up_proj.bias"},
	{"ffn_down.bias", "mlp.down_proj.bias"},
	{"attn_k_norm.weight", "self_attn.k_norm.weight"},
	{"attn_q_norm.weight", "self_attn.q_norm.weight"},
}

var ggufRootNames = [][2]string{
	{"token_embd.weight", "model.embed_tokens.weight"},
	{"output_norm.weight", "model.norm.weight"},
	{"output.weight", "lm_head.weight"},
}

func hfName(gguf string) (string, bool) {
	for _, n := range ggufRootNames {
		if n[0] == gguf {
			return n[1], true
		}
	}
	rest, ok := strings.CutPrefix(gguf, "blk.")
	if !ok {
		return "", false
	}
	layer, rest, ok := strings.Cut(rest, ".")
	if !ok || layer == "" || strings.Trim(layer, "0123456789") != "" {
		return "", false
	}
	for _, n := range ggufLayerNames {
		if n[0] == rest {
			return "model.layers." + layer + "." + n[1], true
		}
	}
	return "", false
}

// pairsNeighbours tells whether GGUF keeps the rows of q and k in the order of
// architecture llama: see permute.
func (c Config) pairsNeighbours() bool {
	return c.Architecture == "llama" || c.Architecture == "mistral"
}

// permute changes the order of a projection's rows, or of its bias, within each head
// between Hugging Face's, where row i is rotated with row i + d/2, and GGUF's of
// architecture llama, where it is rotated with its neighbour.
func permute(t Tensor, heads int, toGGUF bool) (Tensor, error) {
	if n := len(t.Shape); n != 1 && n != 2 || t.Shape[0] == 0 || t.Shape[0]%(2*heads) != 0 {
		return t, fmt.Errorf("tensor %s: shape %v, expected a multiple of %d rows", t.Name, t.Shape, 2*heads)
	}
	half := t.Shape[0] / heads / 2
	order := make([]uint32, t.Shape[0])
	for h := range heads {
		for i := range half {
			for part := range 2 {
				hf, gguf := (2*h+part)*half+i, 2*(h*half+i)+part
				if toGGUF {
					order[gguf] = uint32(hf)
				} else {
					order[hf] = uint32(gguf)
				}
			}
		}
	}
	if len(t.Shape) == 1 { // what stays in a file is read by rows of matrices
		var err error
		if t, err = t.Load(); err != nil {
			return t, err
		}
	}
	return t.reorder(order)
}

// ggufMeta reads metadata and keeps the first error.
type ggufMeta struct {
	meta map[string]any
	err  error
}

func (g *ggufMeta) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf(format, args...)
	}
}

// integer is a whole number; without a default (one that is negative), it must
// be there.
func (g *ggufMeta) integer(key string, def int) int {
	v, ok := g.meta[key]
	if !ok {
		if def < 0 {
			g.fail("metadata key %s is missing", key)
		}
		return def
	}
	switch n := v.(type) {
	case uint64:
		if n <= math.MaxInt32 {
			return int(n)
		}
	case int64:
		if n >= 0 && n <= math.MaxInt32 {
			return int(n)
		}
	}
	g.fail("metadata key %s is %v, expected a whole number from 0 to %d", key, v, math.MaxInt32)
	return 0
}

func (g *ggufMeta) float(key string, def float64) float64 {
	v, ok := g.meta[key]
	if !ok {
		if math.IsNaN(def) {
			g.fail("metadata key %s is missing", key)
		}
		return def
	}
	f, ok := v.(float64)
	if !ok {
		g.fail("metadata key %s is %v, expected a floating-point number", key, v)
	}
	return f
}

func (g *ggufMeta) text(key string) string {
	v, ok := g.meta[key]
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		g.fail("metadata key %s is %v, expected a string", key, v)
	}
	return s
}

func (g *ggufMeta) strings(key string) []string {
	v, ok := g.meta[key]
	if !ok {
		g.fail("metadata key %s is missing", key)
		return nil
	}
	s, ok := v.([]string)
	if !ok {
		g.fail("metadata key %s is not an array of strings", key)
	}
	return s
}

// config fills the model's configuration.
func (g *ggufMeta) config(m *Model) {
	arch := g.text("general.architecture")
	switch arch {
	case "llama", "qwen2", "qwen3":
	default:
		g.fail("general.architecture is %q, expected llama, qwen2 or qwen3", arch)
		return
	}
	p := arch + "."
	c := &m.Config
	c.Architecture, c.Name = arch, g.text("general.name")
	if c.Name == "" {
		c.Name = m.Path
	}
	c.Layers, c.Context = g.integer(p+"block_count", -1), g.integer(p+"context_length", -1)
	c.Hidden, c.FeedForward = g.integer(p+"embedding_length", -1), g.integer(p+"feed_forward_length", -1)
	c.Heads = g.integer(p+"attention.head_count", -1)
	c.KVHeads = g.integer(p+"attention.head_count_kv", c.Heads)
	if c.Heads > 0 {
		c.HeadDim = c.Hidden / c.Heads
	}
	c.HeadDim = g.integer(p+"attention.key_length", c.HeadDim)
	for _, key := range []string{p + "attention.value_length", p + "rope.dimension_count"} {
		if d := g.integer(key, c.HeadDim); d != c.HeadDim {
			g.fail("metadata key %s is %d, expected the head size %d", key, d, c.HeadDim)
		}
	}
	g.window(p, c)
	g.rope(p, c)
	c.NormEps = float32(g.float(p+"attention.layer_norm_rms_epsilon", math.NaN()))
	c.RopeTheta = g.float(p+"rope.freq_base", 10000)
	c.QKNorm = arch == "qwen3"
	bias := func(name string) bool { // a tensor says it, where the architecture does not
		_, ok := m.Tensors["model.layers.0."+name+".bias"]
		return ok
	}
	c.AttentionBias = arch == "qwen2" || bias("self_attn.q_proj")
	c.OutputBias, c.MLPBias = bias("self_attn.o_proj"), bias("mlp.gate_proj")
	if arch == "llama" && c.Window > 0 {
		c.Architecture = "mistral"
	}
	_, head := m.Tensors["lm_head.weight"]
	c.TieEmbeddings = !head
	if e, ok := m.Tensors["model.embed_tokens.weight"]; ok && len(e.Shape) == 2 {
		c.Vocab = g.integer(p+"vocab_size", e.Shape[0])
	} else {
		g.fail("tensor token_embd.weight is missing or no matrix")
	}
}

// gguf's names of the kinds of vocabulary.
const (
	ggufByteLevel     = "gpt2"
	ggufSentencePiece = "llama"
)

// Keys of our own for what GGUF has none, and other readers do without: Metaspace's
// prepend_scheme where it puts fewer prefixes than add_space_prefix says, and the
// attributes of added tokens.
const (
	keyPrepend    = "tokenselect.prepend_scheme"
	keyAttributes = "tokenselect.token_attributes"
)

// prependSchemes are the values of keyPrepend.
var prependSchemes = map[tokenizer.Prefix]string{tokenizer.PrefixMissing: "always", tokenizer.PrefixFirst: "first"}

// ignoresMerges tells of a split whether its vocabularies take a word that is a
// token as it is; GGUF has no key for it.
func ignoresMerges(pre string) bool { return pre == "llama-bpe" || pre == "tekken" }

// ggufSplits are other names of splits.
var ggufSplits = map[string]string{"llama3": "llama-bpe", "llama-v3": "llama-bpe", "deepseek-r1-qwen": "qwen2"}

// tokenizer reads the vocabulary; nil where the file has none.
func (g *ggufMeta) tokenizer(name string) *tokenizer.Spec {
	kind := g.text("tokenizer.ggml.model")
	if kind == "" {
		return nil
	}
	s := &tokenizer.Spec{Name: name, Tokens: g.strings("tokenizer.ggml.tokens"), ChatTemplate: g.text("tokenizer.chat_template")}
	s.Types = g.int32s("tokenizer.ggml.token_type", len(s.Tokens))
	s.Attributes = g.int32s(keyAttributes, len(s.Tokens))
	g.specialTokens(s)
	switch kind {
	case ggufByteLevel:
		s.Merges, s.Pre = g.strings("tokenizer.ggml.merges"), g.text("tokenizer.ggml.pre")
		if s.Pre == "" {
			g.fail("metadata key tokenizer.ggml.pre is missing: how text is split cannot be guessed")
		}
		if pre, ok := ggufSplits[s.Pre]; ok {
			s.Pre = pre
		}
		s.IgnoreMerges, s.NFC = ignoresMerges(s.Pre), tokenizer.NFCOf(s.Pre)
	case ggufSentencePiece:
		g.sentencePiece(s)
	default:
		g.fail("tokenizer.ggml.model is %q, expected %s (byte-level BPE) or %s (SentencePiece BPE)", kind, ggufByteLevel, ggufSentencePiece)
	}
	// Where the file does not say it llama.cpp puts BOS before text of these.
	s.AddBOS = g.boolean("tokenizer.ggml.add_bos_token", kind == ggufSentencePiece || ignoresMerges(s.Pre))
	s.AddEOS = g.boolean("tokenizer.ggml.add_eos_token", false)
	return s
}

// specialTokens reads which tokens are what.
func (g *ggufMeta) specialTokens(s *tokenizer.Spec) {
	id := func(key string) int {
		if _, ok := g.meta["tokenizer.ggml."+key]; !ok {
			return -1
		}
		n := g.integer("tokenizer.ggml."+key, 0)
		if n >= len(s.Tokens) {
			g.fail("metadata key tokenizer.ggml.%s is %d, expected an id below %d", key, n, len(s.Tokens))
		}
		return n
	}
	s.BOS, s.EOS, s.PAD, s.UNK = id("bos_token_id"), id("eos_token_id"), id("padding_token_id"), id("unknown_token_id")
	for _, key := range ggufEnds {
		if end := id(key); end >= 0 {
			s.EOT = append(s.EOT, end)
		}
	}
}

// sentencePiece reads what such a vocabulary has besides. Of merges and scores the
// merges are taken, where there are both: they say more, and files have them whose
// scores are mere placeholders.
func (g *ggufMeta) sentencePiece(s *tokenizer.Spec) {
	s.Kind = tokenizer.SentencePiece
	if _, ok := g.meta["tokenizer.ggml.merges"]; ok {
		s.Merges = g.strings("tokenizer.ggml.merges")
	}
	if len(s.Merges) == 0 {
		s.Scores = g.scores(len(s.Tokens))
	}
	if s.UNK < 0 {
		s.UNK = slices.Index(s.Types, ggufUnknownToken)
	}
	if g.boolean("tokenizer.ggml.remove_extra_whitespaces", false) {
		g.fail("metadata key tokenizer.ggml.remove_extra_whitespaces is true, which is not supported")
	}
	if g.boolean("tokenizer.ggml.add_space_prefix", true) {
		s.Prefix = tokenizer.PrefixAlways
	}
	scheme := g.text(keyPrepend)
	if scheme == "" {
		return
	}
	for prefix, name := range prependSchemes {
		if name == scheme {
			s.Prefix = prefix
			return
		}
	}
	g.fail("metadata key %s is %q, expected always or first", keyPrepend, scheme)
}

// ggufUnknownToken is the type of the token for characters that have none.
const ggufUnknownToken = 2

func (g *ggufMeta) scores(n int) []float32 {
	v, ok := g.meta["tokenizer.ggml.scores"]
	if !ok {
		g.fail("metadata key tokenizer.ggml.scores is missing: SentencePiece BPE needs them, or merges")
		return nil
	}
	raw, ok := v.(ggufNumbers)
	if !ok || raw.kind != ggufFloat || len(raw.raw) != 4*n {
		g.fail("metadata key tokenizer.ggml.scores is no array of numbers of 4 bytes, one for each of %d tokens", n)
		return nil
	}
	scores := make([]float32, n)
	for i := range scores {
		scores[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw.raw[4*i:]))
	}
	return scores
}

func (g *ggufMeta) boolean(key string, def bool) bool {
	v, ok := g.meta[key]
	if !ok {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		g.fail("metadata key %s is %v, expected true or false", key, v)
	}
	return b
}

// int32s is a number for each of n tokens; nil where the file has none.
func (g *ggufMeta) int32s(key string, n int) []int32 {
	v, ok := g.meta[key]
	if !ok {
		return nil
	}
	numbers, ok := v.(ggufNumbers)
	if !ok || numbers.kind != ggufInt32 && numbers.kind != ggufUint32 || len(numbers.raw) != 4*n {
		g.fail("metadata key %s is no array of whole numbers of 4 bytes, one for each of %d tokens", key, n)
		return nil
	}
	list := make([]int32, n)
	for i := range list {
		list[i] = int32(binary.LittleEndian.Uint32(numbers.raw[4*i:]))
	}
	return list
}
