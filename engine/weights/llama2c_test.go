package weights

import (
	"bytes"
	"encoding/binary"
	"math"
	"path/filepath"
	"testing"
)

// llama2C is a model as llama2.c has it: kind after kind of tensor, the rows of q and
// k in the order in which neighbours are rotated together.
func llama2C(m *Model) []byte {
	c := m.Config
	vocab := int32(c.Vocab)
	if !c.TieEmbeddings {
		vocab = -vocab
	}
	var b []byte
	for _, v := range []int32{int32(c.Hidden), int32(c.FeedForward), int32(c.Layers), int32(c.Heads), int32(c.KVHeads), vocab, int32(c.Context)} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	layers := func(name string, heads int) {
		for i := range c.Layers {
			t := m.Tensors["model.layers."+string(rune('0'+i))+"."+name+".weight"]
			if heads == 0 {
				b = append(b, t.Data...)
				continue
			}
			row := 4 * c.Hidden
			for h := range heads {
				for pair := range c.HeadDim / 2 {
					for _, r := range []int{pair, pair + c.HeadDim/2} {
						b = append(b, t.Data[(h*c.HeadDim+r)*row:][:row]...)
					}
				}
			}
		}
	}
	b = append(b, m.Tensors["model.embed_tokens.weight"].Data...)
	layers("input_layernorm", 0)
	layers("self_attn.q_proj", c.Heads)
	layers("self_attn.k_proj", c.KVHeads)
	layers("self_attn.v_proj", 0)
	layers("self_attn.o_proj", 0)
	layers("post_attention_layernorm", 0)
	layers("mlp.gate_proj", 0)
	layers("mlp.down_proj", 0)
	layers("mlp.up_proj", 0)
	b = append(b, m.Tensors["model.norm.weight"].Data...)
	for range c.Context * c.HeadDim { // cosines and sines, which nobody reads
		b = binary.LittleEndian.AppendUint32(b, 0x7fc00000)
	}
	if !c.TieEmbeddings {
		b = append(b, m.Tensors["lm_head.weight"].Data...)
	}
	return b
}

// llama2CSmall is a configuration that llama2.c's header can say.
func llama2CSmall(tied bool) Config {
	c := small("llama")
	c.HeadDim, c.TieEmbeddings = c.Hidden/c.Heads, tied
	return c
}

func TestLlama2C(t *testing.T) {
	for _, tied := range []bool{true, false} {
		m := random(llama2CSmall(tied))
		data := llama2C(m)
		got, err := OpenLlama2C("small.bin", bytes.NewReader(data), int64(len(data)), nil)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, m)
		want := m.Config
		want.Name = "small.bin"
		if g := got.Config; g.Layers != want.Layers || g.Vocab != want.Vocab || g.Context != want.Context || g.TieEmbeddings != tied || g.KVHeads != want.KVHeads {
			t.Errorf("%+v, expected %+v", g, want)
		}
		for n := range len(data) {
			if n > 40 && n%97 != 0 {
				continue
			}
			if _, err := OpenLlama2C("cut.bin", bytes.NewReader(data[:n]), int64(n), nil); err == nil {
				t.Fatalf("%d bytes of %d accepted", n, len(data))
			}
		}
	}
	data := llama2C(random(llama2CSmall(true)))
	for _, c := range []struct {
		name  string
		field int
		value int32
		want  string
	}{
		{"no layers", 2, 0, "layers is 0"},
		{"negative heads", 3, -1, "attention heads is -1"},
		{"a layer more", 2, 3, "bytes, expected"},
		{"a head of its own", 5, -12, "bytes, expected"},
		{"least of numbers", 5, math.MinInt32, "vocabulary is 2147483648"},
		{"heads that key heads do not divide", 4, 3, "4 attention heads, expected a multiple of the 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := bytes.Clone(data)
			binary.LittleEndian.PutUint32(bad[4*c.field:], uint32(c.value))
			_, err := OpenLlama2C("bad.bin", bytes.NewReader(bad), int64(len(bad)), nil)
			refused(t, err, "weights: bad.bin: ", c.want)
		})
	}
}

// llama2CTokensOf is a vocabulary as llama2.c has it.
func llama2CTokensOf(tokens ...string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 9)
	for i, s := range tokens {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(-i)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}

func TestLlama2CTokens(t *testing.T) {
	good := llama2CTokensOf("<unk>", "\n<s>\n", "\n</s>\n", "<0x0A>", " a")
	tokens, scores, err := llama2CTokens(good, 5)
	if err != nil || len(tokens) != 5 || tokens[4] != " a" || scores[4] != -4 {
		t.Fatalf("%q, %v, %v", tokens, scores, err)
	}
	nan := bytes.Clone(good)
	binary.LittleEndian.PutUint32(nan[4:], 0x7fc00000)
	long := bytes.Clone(good)
	binary.LittleEndian.PutUint32(long[8:], 1<<31)
	for _, c := range []struct {
		name string
		data []byte
		n    int
		want string
	}{
		{"empty", nil, 5, "0 bytes"},
		{"a token more", good, 6, "ends before token 5, expected 6"},
		{"a token less", good, 4, "bytes behind the last of 4 tokens"},
		{"cut", good[:len(good)-1], 5, "token 4 has 2 bytes, expected at most the 1 left"},
		{"a length without end", long, 5, "token 0 has 2147483648 bytes"},
		{"no number", nan, 5, "token 0 has the score NaN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := llama2CTokens(c.data, c.n)
			refused(t, err, c.want)
		})
	}
}

// TestStories reads the checkpoint that llama2.c is tested with.
func TestStories(t *testing.T) {
	m, err := Open(filepath.Join(shared(t), "models", "stories260k", "stories260K.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if c := m.Config; c.Layers != 5 || c.Hidden != 64 || c.FeedForward != 172 || c.Heads != 8 || c.KVHeads != 4 || c.Vocab != 512 || c.Context != 512 || !c.TieEmbeddings {
		t.Errorf("%+v", c)
	}
	if m.Tokenizer == nil || len(m.Tokenizer.Tokens) != 512 {
		t.Errorf("tokenizer %+v, expected the 512 tokens of tok512.bin", m.Tokenizer)
	}
}

func FuzzLlama2C(f *testing.F) {
	for _, tied := range []bool{true, false} {
		m := seed("llama", 8)
		m.Config.TieEmbeddings, m.Config.Context = tied, 2
		m = random(m.Config)
		f.Add(llama2C(m), llama2CTokensOf("<unk>", "\n<s>\n", "\n</s>\n", "a", "b"))
	}
	f.Fuzz(func(t *testing.T, data, tokens []byte) {
		m, err := OpenLlama2C("fuzz", bytes.NewReader(data), int64(len(data)), tokens)
		if err != nil {
			return
		}
		for name, x := range m.Tensors {
			if _, err := x.Float32(); err != nil && !bytes.Contains([]byte(err.Error()), []byte(name)) {
				t.Fatalf("%v does not name %s", err, name)
			}
		}
		var b bytes.Buffer
		if err := WriteGGUF(&b, m, F32); err != nil {
			return // of values that are not finite
		}
		if _, err := ParseGGUF("again", b.Bytes()); err != nil {
			t.Fatalf("written, but not read again: %v", err)
		}
	})
}
