package weights

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"

	"tokenselect/engine/tokenizer"
)

// WriteSafetensors writes the weights of m as one .safetensors file under Hugging
// Face's names: matrices as t (F32, F16 or BF16), vectors as F32. Of weights that
// are still in a file a few MiB are read at a time.
func WriteSafetensors(w io.Writer, m *Model, t Type) error {
	if _, ok := safetensorsTypes[t.String()]; !ok {
		return fmt.Errorf("weights: writing %v as safetensors is not supported; F32, F16 and BF16 are", t)
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("weights: %s: %w", m.Path, err)
	}
	var tensors []output
	header, at := []byte(`{"__metadata__":{"format":"pt"}`), 0
	for _, n := range m.Config.tensors() {
		as := F32
		if len(n.shape) > 1 {
			as = t
		}
		size, err := as.size(n.shape)
		if err != nil {
			return fmt.Errorf("weights: %s: tensor %s: %w", m.Path, n.name, err)
		}
		header = fmt.Appendf(header, `,%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, n.name, as, list(n.shape), at, at+size)
		tensors = append(tensors, output{m.Tensors[n.name], n.name, as})
		at += size
	}
	header = append(header, '}')
	for len(header)%8 != 0 { // so that the data is aligned
		header = append(header, ' ')
	}
	var start ggufWriter
	start.u64(uint64(len(header)))
	if _, err := w.Write(append(start.buf, header...)); err != nil {
		return err
	}
	for _, t := range tensors {
		if _, err := t.write(w); err != nil {
			return fmt.Errorf("weights: %s: %w", m.Path, err)
		}
	}
	return nil
}

// list is numbers as JSON.
func list(v []int) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of whole numbers there is none
	}
	return b
}

// FolderFiles are the files that belong beside the weights in a Hugging Face folder,
// by name: config.json, and of a model with a tokenizer tokenizer.json,
// tokenizer_config.json and generation_config.json. t is how the matrices are
// stored.
func (m *Model) FolderFiles(t Type) (map[string][]byte, error) {
	files, err := m.folderFiles(t)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", m.Path, err)
	}
	return files, nil
}

func (m *Model) folderFiles(t Type) (map[string][]byte, error) {
	config, err := m.Config.fields()
	if err != nil {
		return nil, err
	}
	config["torch_dtype"] = map[Type]string{F32: "float32", F16: "float16", BF16: "bfloat16"}[t]
	files, contents := map[string][]byte{}, map[string]any{"config.json": config}
	if s := m.Tokenizer; s != nil {
		ends := endsOf(s)
		generation := map[string]any{}
		for _, fields := range []map[string]any{config, generation} {
			if s.BOS >= 0 {
				fields["bos_token_id"] = s.BOS
			}
			if len(ends) > 0 {
				fields["eos_token_id"] = ends
			}
			if s.PAD >= 0 {
				fields["pad_token_id"] = s.PAD
			}
		}
		contents["generation_config.json"] = generation
		if files["tokenizer.json"], err = s.JSON(); err != nil {
			return nil, err
		}
		if files["tokenizer_config.json"], err = s.ConfigJSON(); err != nil {
			return nil, err
		}
	}
	for name, fields := range contents {
		raw, err := json.MarshalIndent(fields, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = append(raw, '\n')
	}
	return files, nil
}

// endsOf are the tokens that end an answer.
func endsOf(s *tokenizer.Spec) (ends []int) {
	if s.EOS >= 0 {
		ends = append(ends, s.EOS)
	}
	return append(ends, s.EOT...)
}

// fields are those of config.json, in its older form, which all versions of
// transformers read.
func (c Config) fields() (map[string]any, error) {
	c.Name = "" // the folder's
	class := ""
	for name, arch := range architectures {
		if arch == c.Architecture {
			class = name
		}
	}
	if c.RopeScaling == nil && c.FreqFactors != nil {
		s, ok := c.llama3()
		if !ok {
			return nil, fmt.Errorf("rope_freqs.weight has factors that config.json cannot say: expected those of a llama3 scaling with the frequency factors 1 and 4")
		}
		c.RopeScaling, c.FreqFactors = s, nil
	}
	f := map[string]any{
		"architectures": []string{class}, "model_type": c.Architecture, "hidden_size": c.Hidden, "intermediate_size": c.FeedForward,
		"num_hidden_layers": c.Layers, "num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads, "head_dim": c.HeadDim,
		"vocab_size": c.Vocab, "max_position_embeddings": c.Context, "rms_norm_eps": c.NormEps, "rope_theta": c.RopeTheta,
		"hidden_act": "silu", "tie_word_embeddings": c.TieEmbeddings,
	}
	if err := c.layerFields(f); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	// Factors of the frequencies besides a scaling, for one, have no field.
	if read, err := ParseConfig("config.json", raw); err != nil || !reflect.DeepEqual(read, c) {
		return nil, fmt.Errorf("config.json cannot say this configuration: it would be read as %+v (%v), expected %+v", read, err, c)
	}
	return f, nil
}

// llama3 is the scaling that has the model's factors of each frequency: of those with
// the frequency factors of all Llama models, and a power of two of original
// context.
func (c Config) llama3() (*RopeScaling, bool) {
	s := &RopeScaling{Type: RopeLlama3, LowFreqFactor: 1, HighFreqFactor: 4}
	for _, f := range c.FreqFactors {
		s.Factor = max(s.Factor, float64(f))
	}
	s.Factor = math.Round(s.Factor*1e4) / 1e4
	want := c.InvFreq()
	for s.OriginalContext = 1 << 8; s.OriginalContext <= 1<<20; s.OriginalContext *= 2 {
		scaled := c
		scaled.FreqFactors, scaled.RopeScaling = nil, s
		same := true
		for i, f := range scaled.InvFreq() {
			same = same && math.Abs(float64(f/want[i])-1) < 1e-6
		}
		if same {
			return s, true
		}
	}
	return nil, false
}
