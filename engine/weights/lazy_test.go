package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

// counted counts what is read.
type counted struct {
	*bytes.Reader
	read int
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	c.read += len(b)
	return c.Reader.ReadAt(b, at)
}

// TestOpenGGUF: a file that is read as it is needed must give the same model as
// one in memory, whatever is asked of its tensors.
func TestOpenGGUF(t *testing.T) {
	for _, arch := range []string{"llama", "qwen2", "qwen3"} {
		for _, as := range []Type{F16, Q8_0} {
			t.Run(fmt.Sprintf("%s %v", arch, as), func(t *testing.T) {
				m := random(small(arch))
				m.Tokenizer = vocabulary()
				data := gguf(t, m, as)
				want, err := ParseGGUF("small", data)
				if err != nil {
					t.Fatal(err)
				}
				got, err := OpenGGUF("small", bytes.NewReader(data), int64(len(data)), "the blob")
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, want)
				if got.Bytes != want.Bytes || got.Quantisation != want.Quantisation || got.Path != want.Path {
					t.Errorf("%d bytes of %s in %s, expected %d of %s in %s", got.Bytes, got.Quantisation, got.Path, want.Bytes, want.Quantisation, want.Path)
				}
				for name, w := range want.Tensors {
					g := got.Tensors[name]
					if g.Data != nil || g.File == nil || g.File.Blob != "the blob" {
						t.Fatalf("tensor %s was read, or has lost its file", name)
					}
					loaded, err := g.Load()
					if err != nil || !bytes.Equal(loaded.Data, w.Data) || loaded.File != nil {
						t.Errorf("tensor %s: other bytes, or %v", name, err)
					}
					if len(w.Shape) != 2 {
						continue
					}
					for lo := range w.Shape[0] {
						hi := min(lo+3, w.Shape[0])
						a, errA := g.Rows(lo, hi)
						b, errB := w.Rows(lo, hi)
						if errA != nil || errB != nil || !bytes.Equal(a.Data, b.Data) || a.Shape[0] != hi-lo {
							t.Fatalf("tensor %s, rows %d to %d: other bytes, or %v, %v", name, lo, hi, errA, errB)
						}
					}
				}
				again, err := writeBack(got, as)
				if err != nil || !bytes.Equal(again, data) {
					t.Errorf("written again it differs, or %v", err)
				}
			})
		}
	}
}

// writeBack is the file of m.
func writeBack(m *Model, as Type) ([]byte, error) {
	var b bytes.Buffer
	err := WriteGGUF(&b, m, as)
	return b.Bytes(), err
}

// TestOpenGGUFReadsLittle: the weights must not be read before they are asked
// for, and a header larger than the first look must be read as a whole.
func TestOpenGGUFReadsLittle(t *testing.T) {
	c := small("qwen2")
	c.Vocab = 40000
	m := random(c)
	m.Tokenizer = &tokenizer.Spec{Name: "large", Pre: "qwen2", Merges: []string{"a b"}, BOS: -1, EOS: 0, PAD: -1, UNK: -1}
	for i := range c.Vocab {
		m.Tokenizer.Tokens = append(m.Tokenizer.Tokens, strings.Repeat("t", 60)+fmt.Sprint(i))
		m.Tokenizer.Types = append(m.Tokenizer.Types, 1)
	}
	data := gguf(t, m, F16)
	r := &counted{Reader: bytes.NewReader(data)}
	got, err := OpenGGUF("large", r, int64(len(data)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Tokenizer.Tokens); n != c.Vocab {
		t.Errorf("%d tokens, expected %d", n, c.Vocab)
	}
	if r.read > len(data)/2 {
		t.Errorf("%d bytes read of %d", r.read, len(data))
	}
}

// TestOpenGGUFDamaged: what is cut short or not finite is told, as late as it is
// read.
func TestOpenGGUFDamaged(t *testing.T) {
	data := gguf(t, random(small("llama")), F16)
	for n := range len(data) {
		if n > 3000 && n%97 != 0 {
			continue
		}
		if _, err := OpenGGUF("cut", bytes.NewReader(data[:n]), int64(n), nil); err == nil {
			t.Fatalf("%d bytes of %d accepted", n, len(data))
		}
	}
	m, err := OpenGGUF("shrunk", bytes.NewReader(data[:len(data)-8]), int64(len(data)), nil)
	if !errors.Is(err, io.EOF) {
		t.Errorf("a file that is shorter than said: %v, %v", m, err)
	}
	bad := random(small("llama"))
	name := "model.layers.1.mlp.up_proj.weight"
	file := gguf(t, bad, F16)
	m, err = OpenGGUF("bad", bytes.NewReader(file), int64(len(file)), nil)
	if err != nil {
		t.Fatal(err)
	}
	at := int(m.Tensors[name].File.At)
	copy(file[at+6:], []byte{0, 0x7e})
	_, err = m.Tensors[name].Load()
	refused(t, err, name, "value 3", "NaN")
	if _, err := m.Tensors[name].Rows(1, 2); err != nil {
		t.Errorf("rows without it: %v", err)
	}
}
