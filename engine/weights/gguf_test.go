package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

// TestGGUFRoundTrip writes every architecture and reads it back: the values are
// those of the converted weights, q and k in Hugging Face's order again.
func TestGGUFRoundTrip(t *testing.T) {
	for _, arch := range []string{"llama", "mistral", "qwen2", "qwen3"} {
		for _, kind := range []Type{F32, F16, BF16, Q8_0, Q4_0} {
			t.Run(fmt.Sprintf("%s/%v", arch, kind), func(t *testing.T) {
				m := random(small(arch))
				m.Tokenizer = vocabulary()
				want := &Model{Tensors: map[string]Tensor{}}
				for name, x := range m.Tensors {
					if len(x.Shape) == 2 {
						var err error
						if x, err = Convert(x, kind); err != nil {
							t.Fatal(err)
						}
					}
					want.Tensors[name] = x
				}
				got, err := ParseGGUF("small.gguf", gguf(t, m, kind))
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, want)
				c := m.Config
				if arch == "mistral" {
					c.Architecture = "llama" // GGUF has no other name for it
				}
				if !reflect.DeepEqual(got.Config, c) {
					t.Errorf("%+v, expected %+v", got.Config, c)
				}
				spec := *m.Tokenizer
				spec.Name = "small.gguf"
				if !reflect.DeepEqual(*got.Tokenizer, spec) {
					t.Errorf("%+v, expected %+v", *got.Tokenizer, spec)
				}
				if got.Quantisation != kind.String() {
					t.Errorf("quantisation %q, expected %v", got.Quantisation, kind)
				}
			})
		}
	}
}

// TestGGUFIgnoreMerges takes from the split what GGUF has no key for.
func TestGGUFIgnoreMerges(t *testing.T) {
	m := random(small("llama"))
	m.Tokenizer = vocabulary()
	m.Tokenizer.Pre, m.Tokenizer.IgnoreMerges = "llama-bpe", true
	got, err := ParseGGUF("x", gguf(t, m, F16))
	if err != nil {
		t.Fatal(err)
	}
	if !got.Tokenizer.IgnoreMerges {
		t.Error("merges are not ignored, expected them to be for llama-bpe")
	}
}

// TestGGUFLayers writes what keys say of layers and positions, and reads it back.
func TestGGUFLayers(t *testing.T) {
	yarn := &RopeScaling{Type: RopeYaRN, Factor: 4, OriginalContext: 64, BetaFast: 16, BetaSlow: 2, Attention: 1.25}
	standard := &RopeScaling{Type: RopeYaRN, Factor: 4, OriginalContext: 32, BetaFast: 32, BetaSlow: 1, Attention: yarnAttention(4, 1)}
	for _, c := range []struct {
		name   string
		arch   string
		change func(*Config)
	}{
		{"linear", "llama", func(c *Config) { c.RopeScaling = &RopeScaling{Type: RopeLinear, Factor: 2} }},
		{"yarn", "qwen2", func(c *Config) { c.RopeScaling, c.Context = standard, 128 }},
		{"yarn with numbers of its own", "llama", func(c *Config) { c.RopeScaling, c.Context = yarn, 256 }},
		{"yarn with factors besides", "qwen3", func(c *Config) {
			c.RopeScaling, c.Context, c.FreqFactors = yarn, 256, []float32{1, 2, 3, 4}
		}},
		{"window", "mistral", func(c *Config) { c.Window = 16 }},
		{"window of a layer", "qwen2", func(c *Config) { c.Window, c.Windowed = 16, []bool{false, true} }},
		{"biases", "llama", func(c *Config) { c.AttentionBias, c.OutputBias, c.MLPBias = true, true, true }},
		{"biases of attention", "qwen3", func(c *Config) { c.AttentionBias, c.OutputBias = true, true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := small(c.arch)
			c.change(&want)
			m := random(want)
			got, err := ParseGGUF("x", gguf(t, m, F32))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, m)
			if s := got.Config.RopeScaling; s != nil { // one factor is divided by another on its way
				if math.Abs(s.Attention-want.RopeScaling.Attention) > 1e-6 {
					t.Errorf("attention factor %v, expected %v", s.Attention, want.RopeScaling.Attention)
				}
				s.Attention = want.RopeScaling.Attention
			}
			if !reflect.DeepEqual(got.Config, want) {
				t.Errorf("%+v, expected %+v", got.Config, want)
			}
		})
	}
	m := random(small("llama"))
	m.Config.RopeScaling = &RopeScaling{Type: RopeYaRN, Factor: 4, OriginalContext: 64, BetaFast: 32, BetaSlow: 1, Attention: 1, Fractional: true}
	refused(t, WriteGGUF(&bytes.Buffer{}, m, F16), "truncate false")
}

// TestGGUFKeys reads keys as llama.cpp means them, and refuses by name those that
// would change results.
func TestGGUFKeys(t *testing.T) {
	type keys = map[string]any
	number := func(kind uint32, raw ...byte) ggufNumbers { return ggufNumbers{kind, raw} }
	base := keys{"general.architecture": "llama", "llama.block_count": uint64(2), "llama.context_length": uint64(128), "llama.embedding_length": uint64(64),
		"llama.feed_forward_length": uint64(96), "llama.attention.head_count": uint64(4), "llama.attention.layer_norm_rms_epsilon": 1e-5}
	for _, c := range []struct {
		name  string
		keys  keys
		rope  *RopeScaling
		wins  []int // of the layers
		wrong string
	}{
		{"nothing", nil, nil, []int{0, 0}, ""},
		{"none, whatever the factor", keys{"llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 4.0}, nil, []int{0, 0}, ""},
		{"a factor alone is linear", keys{"llama.rope.scaling.factor": 4.0}, &RopeScaling{Type: RopeLinear, Factor: 4}, []int{0, 0}, ""},
		{"an old file", keys{"llama.rope.scale_linear": 2.0}, &RopeScaling{Type: RopeLinear, Factor: 2}, []int{0, 0}, ""},
		{"yarn", keys{"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 8.0, "llama.rope.scaling.original_context_length": uint64(32)},
			&RopeScaling{Type: RopeYaRN, Factor: 8, OriginalContext: 32, BetaFast: 32, BetaSlow: 1, Attention: 0.1*math.Log(8) + 1}, []int{0, 0}, ""},
		{"yarn with everything", keys{"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 8.0, "llama.rope.scaling.attn_factor": 2.0,
			"llama.rope.scaling.yarn_beta_fast": 30.0, "llama.rope.scaling.yarn_beta_slow": 3.0, "llama.rope.scaling.yarn_log_multiplier": 0.5, "llama.rope.scaling.yarn_ext_factor": 1.0},
			&RopeScaling{Type: RopeYaRN, Factor: 8, OriginalContext: 128, BetaFast: 30, BetaSlow: 3, Attention: 2 * (0.1*math.Log(8) + 1) / (0.05*math.Log(8) + 1)}, []int{0, 0}, ""},
		{"longrope", keys{"llama.rope.scaling.type": "longrope"}, nil, nil, `llama.rope.scaling.type is "longrope", expected none, linear or yarn`},
		{"half of yarn", keys{"llama.rope.scaling.type": "yarn", "llama.rope.scaling.yarn_ext_factor": 0.5}, nil, nil, "yarn_ext_factor is 0.5, expected 1"},
		{"a factor of attention without yarn", keys{"llama.rope.scaling.attn_factor": 2.0}, nil, nil, "attn_factor is 2, expected 1"},
		{"a factor below one", keys{"llama.rope.scaling.factor": 0.5}, nil, nil, "factor is 0.5, expected at least 1"},
		{"a factor that is a word", keys{"llama.rope.scaling.factor": "two"}, nil, nil, "llama.rope.scaling.factor is two"},
		{"window", keys{"llama.attention.sliding_window": uint64(64)}, nil, []int{64, 64}, ""},
		{"window by a pattern", keys{"llama.attention.sliding_window": uint64(64), "llama.attention.sliding_window_pattern": number(ggufBool, 1, 0)}, nil, []int{64, 0}, ""},
		{"window of all by a pattern", keys{"llama.attention.sliding_window": uint64(64), "llama.attention.sliding_window_pattern": number(ggufBool, 1, 1)}, nil, []int{64, 64}, ""},
		{"window of none", keys{"llama.attention.sliding_window": uint64(64), "llama.attention.sliding_window_pattern": number(ggufBool, 0, 0)}, nil, []int{0, 0}, ""},
		{"a pattern of other length", keys{"llama.attention.sliding_window": uint64(64), "llama.attention.sliding_window_pattern": number(ggufBool, 1)}, nil, nil, "sliding_window_pattern is no array of 2 values"},
		{"a pattern that is a number", keys{"llama.attention.sliding_window": uint64(64), "llama.attention.sliding_window_pattern": uint64(2)}, nil, nil, "sliding_window_pattern is no array"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := ggufMeta{meta: maps.Clone(base)}
			maps.Copy(g.meta, c.keys)
			m := &Model{Tensors: map[string]Tensor{"model.embed_tokens.weight": {Shape: []int{12, 64}}}}
			g.config(m)
			if g.err == nil {
				g.err = m.Config.validate()
			}
			if c.wrong != "" {
				refused(t, g.err, c.wrong)
				return
			}
			if g.err != nil {
				t.Fatal(g.err)
			}
			got := m.Config.RopeScaling
			if c.rope != nil && got != nil && math.Abs(got.Attention-c.rope.Attention) < 1e-9 {
				got.Attention = c.rope.Attention
			}
			if !reflect.DeepEqual(got, c.rope) {
				t.Errorf("scaling %+v, expected %+v", got, c.rope)
			}
			for i, w := range c.wins {
				if m.Config.WindowOf(i) != w {
					t.Errorf("layer %d has a window of %d, expected %d", i, m.Config.WindowOf(i), w)
				}
			}
		})
	}
}

// TestGGUFRope keeps llama3's scaling as factors of each frequency.
func TestGGUFRope(t *testing.T) {
	m := random(small("llama"))
	m.Config.RopeTheta, m.Config.RopeScaling = 500000, &RopeScaling{Type: RopeLlama3, Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 1024}
	got, err := ParseGGUF("x", gguf(t, m, F16))
	if err != nil {
		t.Fatal(err)
	}
	plain := m.Config
	plain.RopeScaling = nil
	if slices.Equal(plain.InvFreq(), m.Config.InvFreq()) {
		t.Fatal("the scaling changes nothing here")
	}
	for i, want := range m.Config.InvFreq() {
		if f := got.Config.InvFreq()[i]; f/want < 1-1e-6 || f/want > 1+1e-6 {
			t.Errorf("frequency %d is %v, expected %v", i, f, want)
		}
	}
}

// TestPermute follows a row of each head by hand: llama.cpp's converter splits a
// head into two halves and interleaves them.
func TestPermute(t *testing.T) {
	in := Tensor{Name: "q", Type: F32, Shape: []int{12, 1}, Data: f32Bytes([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})}
	out, err := permute(in, 2, true)
	if err != nil {
		t.Fatal(err)
	}
	v, err := out.Float32()
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}; !slices.Equal(v, want) {
		t.Errorf("%v, expected %v", v, want)
	}
	back, err := permute(out, 2, false)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Data, in.Data) {
		t.Error("not the same after both ways")
	}
	bias, err := permute(Tensor{Name: "q", Type: F32, Shape: []int{12}, Data: in.Data}, 2, true)
	if err != nil || !bytes.Equal(bias.Data, out.Data) {
		t.Errorf("a bias: %v, %v, expected the order of the rows", bias.Data, err)
	}
	for _, shape := range [][]int{{0, 4}, {6, 1}, {6}, {0}, {}, {4, 1, 1}} {
		_, err := permute(Tensor{Name: "q", Type: F32, Shape: shape, Data: nil}, 2, false)
		refused(t, err, "tensor q: shape")
	}
}

// TestGGUFRefuses changes one thing of a good file.
func TestGGUFRefuses(t *testing.T) {
	m := random(small("llama"))
	m.Tokenizer = vocabulary()
	good := gguf(t, m, F16)
	// after is where what follows a string begins
	after := func(b []byte, s string) []byte {
		prefixed := append(binary.LittleEndian.AppendUint64(nil, uint64(len(s))), s...)
		i := bytes.Index(b, prefixed)
		if i < 0 {
			t.Fatalf("%q is not in the file", s)
		}
		return b[i+len(prefixed):]
	}
	u32 := binary.LittleEndian.PutUint32
	u64 := binary.LittleEndian.PutUint64
	const q = "blk.0.attn_q.weight" // then: dimensions u32, 64 u64, 32 u64, type u32, offset u64
	for _, c := range []struct {
		name  string
		spoil func(b []byte) []byte
		want  []string
	}{
		{"empty", func(b []byte) []byte { return nil }, []string{"empty"}},
		{"magic", func(b []byte) []byte { b[0] = 'g'; return b }, []string{`"gGUF"`, `"GGUF"`}},
		{"version 1", func(b []byte) []byte { u32(b[4:], 1); return b }, []string{"version 1", "2 or 3"}},
		{"other byte order", func(b []byte) []byte { u32(b[4:], 3<<24); return b }, []string{"version 50331648"}},
		{"more tensors than there are", func(b []byte) []byte { u64(b[8:], 1<<60); return b }, nil},
		{"more keys than there are", func(b []byte) []byte { u64(b[16:], 1<<60); return b }, nil},
		{"a string beyond the file", func(b []byte) []byte { u64(b[24:], 1<<63); return b }, []string{"9223372036854775808 bytes expected"}},
		{"an array beyond the file", func(b []byte) []byte { u64(after(b, "tokenizer.ggml.tokens")[8:], 1<<61); return b }, []string{"array of 2305843009213693952 values"}},
		{"an array of arrays", func(b []byte) []byte { u32(after(b, "tokenizer.ggml.tokens")[4:], 9); return b }, []string{"array of arrays"}},
		{"an array of nothing known", func(b []byte) []byte { u32(after(b, "tokenizer.ggml.tokens")[4:], 13); return b }, []string{"array of type 13"}},
		{"a value of nothing known", func(b []byte) []byte { u32(after(b, "general.file_type"), 99); return b }, []string{"type 99"}},
		{"key twice", func(b []byte) []byte {
			return bytes.Replace(b, []byte("general.type"), []byte("general.name"), 1)
		}, []string{"general.name occurs twice"}},
		{"layers as a float", func(b []byte) []byte { u32(after(b, "llama.block_count"), ggufFloat); return b }, []string{"llama.block_count", "whole number"}},
		{"layers without end", func(b []byte) []byte { u32(after(b, "llama.block_count")[4:], 1<<30); return b }, []string{"layers is 1073741824"}},
		{"no heads", func(b []byte) []byte { u32(after(b, "llama.attention.head_count")[4:], 0); return b }, []string{"attention heads"}},
		{"another vocabulary", func(b []byte) []byte { u32(after(b, "llama.vocab_size")[4:], 11); return b }, []string{"[12 64]", "[11 64]"}},
		{"part of a head is rotated", func(b []byte) []byte { u32(after(b, "llama.rope.dimension_count")[4:], 4); return b }, []string{"rope.dimension_count is 4", "8"}},
		{"architecture", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("llama"), []byte("gemma")) }, []string{`"gemma"`, "qwen3"}},
		{"tokenizer", func(b []byte) []byte { return bytes.Replace(b, []byte("gpt2"), []byte("bert"), 1) }, []string{"tokenizer.ggml.model", `"bert"`, "gpt2"}},
		{"no pre-tokenizer", func(b []byte) []byte {
			return bytes.Replace(b, []byte("tokenizer.ggml.pre"), []byte("tokenizer.ggml.prx"), 1)
		}, []string{"tokenizer.ggml.pre is missing"}},
		{"token id", func(b []byte) []byte { u32(after(b, "tokenizer.ggml.eos_token_id")[4:], 5); return b }, []string{"eos_token_id is 5", "below 5"}},
		{"token types too few", func(b []byte) []byte { u32(after(b, "tokenizer.ggml.token_type")[4:], 0); return b }, nil},
		{"unsupported type", func(b []byte) []byte { u32(after(b, q)[20:], 10); return b }, []string{q, "Q2_K (10)", "Q5_K and Q6_K are"}},
		{"unknown type", func(b []byte) []byte { u32(after(b, q)[20:], 4000); return b }, []string{q, "unknown (4000)"}},
		{"another type", func(b []byte) []byte { u32(after(b, q)[20:], 0); return b }, []string{"offset"}},
		{"no dimension", func(b []byte) []byte { u32(after(b, q), 0); return b }, []string{q, "0 dimensions"}},
		{"huge dimension", func(b []byte) []byte { u64(after(b, q)[4:], 1<<62); return b }, []string{q, "dimension"}},
		{"shape", func(b []byte) []byte { u64(after(b, q)[4:], 32); u64(after(b, q)[12:], 64); return b }, []string{"self_attn.q_proj.weight", "[64 32]", "[32 64]"}},
		{"misaligned", func(b []byte) []byte { o := after(b, q)[24:]; u64(o, binary.LittleEndian.Uint64(o)+4); return b }, []string{q, "offset"}},
		{"overlapping", func(b []byte) []byte { u64(after(b, q)[24:], 0); return b }, []string{q, "offset 0"}},
		{"outside the file", func(b []byte) []byte { u64(after(b, q)[24:], 1<<62); return b }, []string{q, "offset"}},
		{"name twice", func(b []byte) []byte {
			return bytes.Replace(b, []byte("blk.1.attn_q.weight"), []byte(q), 1)
		}, []string{q, "twice"}},
		{"name of nothing", func(b []byte) []byte {
			return bytes.Replace(b, []byte(q), []byte("blk.0.attn_z.weight"), 1)
		}, []string{"blk.0.attn_z.weight", "not one of"}},
		{"name of another layer", func(b []byte) []byte {
			return bytes.Replace(b, []byte(q), []byte("blk.9.attn_q.weight"), 1)
		}, []string{"layers.0.self_attn.q_proj.weight is missing"}},
		{"infinite half", func(b []byte) []byte { copy(b[len(b)-1024:], "\x00\x7c"); return b }, []string{"is +Inf"}},
		{"NaN in a norm", func(b []byte) []byte { copy(b[len(b)-4:], "\x00\x00\xc0\x7f"); return b }, []string{"model.norm.weight: value 63 is NaN"}},
		{"cut by a byte", func(b []byte) []byte { return b[:len(b)-1] }, []string{"output_norm.weight", "cut short"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseGGUF("bad.gguf", c.spoil(bytes.Clone(good)))
			refused(t, err, append(c.want, "weights: bad.gguf: ")...)
		})
	}
}

// TestGGUFHostile has files that agree with themselves and with no model.
func TestGGUFHostile(t *testing.T) {
	zero := random(small("llama"))
	zero.Tensors["model.layers.0.self_attn.q_proj.weight"] = Tensor{Name: "q", Type: F32, Shape: []int{0, 64}, Data: nil}
	var b bytes.Buffer
	refused(t, WriteGGUF(&b, zero, F16), "shape [0 64]")

	bias := small("llama")
	bias.AttentionBias = true
	data := bytes.Replace(gguf(t, random(bias), F16), []byte("blk.1.attn_k.bias"), []byte("blk.7.attn_k.bias"), 1)
	_, err := ParseGGUF("x", data)
	refused(t, err, "layers.1.self_attn.k_proj.bias is missing")

	split := append([]byte(nil), "GGUF\x03\x00\x00\x00"...)
	w := ggufWriter{buf: split}
	w.u64(0)
	w.u64(1)
	w.putInt("split.count", 3)
	_, err = ParseGGUF("x", w.buf)
	refused(t, err, "part 2 of 3 is missing")

	// the rows of q are gone, and everything else follows on
	w = ggufWriter{}
	none := random(small("llama"))
	none.putMeta(&w, 1)
	file := ggufWriter{buf: []byte("GGUF\x03\x00\x00\x00")}
	file.u64(2)
	file.u64(uint64(w.pairs))
	file.buf = append(file.buf, w.buf...)
	for _, x := range []struct {
		name       string
		cols, rows uint64
	}{{"token_embd.weight", 64, 12}, {"blk.0.attn_q.weight", 64, 0}} {
		file.string(x.name)
		file.u32(2)
		file.u64(x.cols)
		file.u64(x.rows)
		file.u32(1)
		file.u64(map[bool]uint64{true: 0, false: 64 * 12 * 2}[x.rows > 0])
	}
	_, err = ParseGGUF("x", append(pad(file.buf), make([]byte, 64*12*2)...))
	refused(t, err, "self_attn.q_proj.weight: shape [0 64]")
}

// TestGGUFTruncated cuts a file at many places; none may be read, none panics.
func TestGGUFTruncated(t *testing.T) {
	m := random(small("qwen3"))
	m.Tokenizer = vocabulary()
	good := gguf(t, m, Q8_0)
	for n := 0; n < len(good); n += 1 + n/97 {
		if _, err := ParseGGUF("x", good[:n:n]); err == nil {
			t.Fatalf("%d of %d bytes were enough", n, len(good))
		}
	}
}

// TestGGUFAliases holds ParseGGUF to not copying what it need not.
func TestGGUFAliases(t *testing.T) {
	data := gguf(t, random(small("qwen2")), F16)
	m, err := ParseGGUF("x", data)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range m.Tensors {
		before := x.Data[0]
		i := bytes.Index(data, x.Data)
		if i < 0 {
			t.Fatalf("tensor %s is not in the file", name)
		}
		data[i]++
		if x.Data[0] == before {
			t.Errorf("tensor %s is a copy", name)
		}
		data[i]--
	}
}

func TestWriteRefuses(t *testing.T) {
	m := random(small("llama"))
	for _, kind := range []Type{Q4_1, Q6_K, Type(99)} {
		refused(t, WriteGGUF(&bytes.Buffer{}, m, kind), "weights: ", kind.String())
	}
	m.Tokenizer = vocabulary()
	m.Tokenizer.IgnoreMerges = true
	refused(t, WriteGGUF(&bytes.Buffer{}, m, F16), "ignore_merges is true", "qwen2")
	m.Tokenizer = nil
	m.Tensors["model.norm.weight"] = Tensor{Name: "model.norm.weight", Type: F32, Shape: []int{64}, Data: make([]byte, 12)}
	err := WriteGGUF(&bytes.Buffer{}, m, Q8_0)
	if err == nil || !strings.Contains(err.Error(), "model.norm.weight") {
		t.Errorf("error %v, expected one about model.norm.weight", err)
	}
}

func FuzzGGUF(f *testing.F) {
	for _, arch := range []string{"llama", "qwen2", "qwen3"} {
		m := seed(arch, 4)
		f.Add(gguf(f, m, F16))
		m.Tokenizer = vocabulary()
		m.Config.RopeScaling = &RopeScaling{Type: RopeLlama3, Factor: 8, LowFreqFactor: 1, HighFreqFactor: 4, OriginalContext: 1024}
		f.Add(gguf(f, m, F16))
		f.Add(gguf(f, seed(arch, 32), Q8_0))
	}
	for _, merges := range []bool{false, true} {
		c := small("llama")
		c.Layers, c.Heads, c.KVHeads, c.Hidden, c.FeedForward = 1, 1, 1, 4, 4
		m := random(c)
		m.Tokenizer = pieces(merges)
		m.Tokenizer.Attributes, m.Tokenizer.Prefix = make([]int32, len(m.Tokenizer.Tokens)), tokenizer.PrefixFirst
		f.Add(gguf(f, m, F16))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseGGUF("fuzz", data)
		if err != nil {
			return
		}
		if err := m.check(); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		if m.Tokenizer != nil {
			useVocabulary(t, *m.Tokenizer, string(data))
		}
		var b bytes.Buffer
		if err := WriteGGUF(&b, m, F16); err != nil {
			return // of values that no half can hold
		}
		if _, err := ParseGGUF("again", b.Bytes()); err != nil {
			t.Fatalf("written, but not read again: %v", err)
		}
	})
}
