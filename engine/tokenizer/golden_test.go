package tokenizer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// shared is the folder of fixtures beside the repository; without it the test
// is skipped.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("skipped: the folder of fixtures ../shared, beside the repository, is absent")
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fromFolder(t *testing.T, dir string) *tokenizer.Tokenizer {
	t.Helper()
	var s tokenizer.Spec
	var err error
	config, _ := os.ReadFile(filepath.Join(dir, "tokenizer_config.json"))
	if b, e := os.ReadFile(filepath.Join(dir, "tokenizer.json")); e == nil {
		s, err = tokenizer.FromJSON(dir, b, config)
	} else {
		s, err = tokenizer.FromVocabMerges(dir, read(t, filepath.Join(dir, "vocab.json")), read(t, filepath.Join(dir, "merges.txt")), config, "qwen2")
	}
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// sample is a text and its ids.
type sample struct {
	Text string
	IDs  []int
}

func checkSamples(t *testing.T, tok *tokenizer.Tokenizer, name string, samples []sample) {
	t.Helper()
	for _, c := range samples {
		got := tok.Encode(c.Text, true)
		if !slices.Equal(got, c.IDs) {
			t.Errorf("%s: %q: %v, expected %v", name, c.Text, got, c.IDs)
		}
		if back := tok.Decode(got); back != c.Text {
			t.Errorf("%s: %q came back as %q", name, c.Text, back)
		}
	}
}

// goldenSamples is what Hugging Face's tokenizers encoded, by vocabulary.
func goldenSamples(t *testing.T) map[string][]sample {
	t.Helper()
	var golden map[string][]sample
	if err := json.Unmarshal(read(t, shared(t, "reference", "golden", "tokenizers.json")), &golden); err != nil {
		t.Fatal(err)
	}
	return golden
}

func TestGolden(t *testing.T) {
	golden := goldenSamples(t)
	for name, folder := range map[string]string{
		"needle-16m": shared(t, "models", "needle-16m"),
		"smollm2":    shared(t, "tokenizers", "smollm2"),
	} {
		if len(golden[name]) < 30 {
			t.Errorf("%s: %d texts, expected 30 or more", name, len(golden[name]))
		}
		checkSamples(t, fromFolder(t, folder), name, golden[name])
	}
}

// TestGoldenGGUF reads the vocabulary of needle-16m from the checkpoint that
// ships, into which it was converted.
func TestGoldenGGUF(t *testing.T) {
	samples := goldenSamples(t)["needle-16m"]
	model, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	checkSamples(t, must(t, *model.Tokenizer), "the model that ships", samples)
}

// TestGoldenQwen has ids of its own: nearly all of those beside the other two
// vocabularies' are empty lists, since Qwen2.5's was not loaded when they were
// made. The texts are the same.
func TestGoldenQwen(t *testing.T) {
	var samples []sample
	if err := json.Unmarshal(read(t, filepath.Join("testdata", "qwen2.5.json")), &samples); err != nil {
		t.Fatal(err)
	}
	if n := len(goldenSamples(t)["qwen2.5"]); n != len(samples) {
		t.Errorf("%d texts, expected %d", len(samples), n)
	}
	checkSamples(t, fromFolder(t, shared(t, "tokenizers", "qwen2.5")), "qwen2.5", samples)
}

// vectors reads llama.cpp's test vectors.
func vectors(t *testing.T, name string) (texts []string, ids [][]int) {
	t.Helper()
	texts = strings.Split(string(read(t, shared(t, "tokenizers", "llama.cpp", name+".inp"))), "\n__ggml_vocab_test__\n")
	for line := range strings.Lines(string(read(t, shared(t, "tokenizers", "llama.cpp", name+".out")))) {
		var row []int
		for _, f := range strings.Fields(line) {
			id, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, id)
		}
		ids = append(ids, row)
	}
	if len(texts) == len(ids)+1 && texts[len(ids)] == "" { // a separator ends the file
		texts = texts[:len(ids)]
	}
	if len(texts) != len(ids) || len(ids) < 20 {
		t.Fatalf("%s: %d texts and %d lines of ids", name, len(texts), len(ids))
	}
	return texts, ids
}

func checkVectors(t *testing.T, tok *tokenizer.Tokenizer, name string) {
	t.Helper()
	texts, ids := vectors(t, name)
	for i, text := range texts {
		if got := tok.Encode(text, false); !slices.Equal(got, ids[i]) {
			t.Errorf("case %d, %q: %v, expected %v", i, text, got, ids[i])
		}
	}
}

func TestVectorsQwen2(t *testing.T) {
	checkVectors(t, fromFolder(t, shared(t, "tokenizers", "qwen2.5")), "ggml-vocab-qwen2.gguf")
}

func TestVectorsGPT2(t *testing.T) {
	s := vocabularyOf(t, shared(t, "tokenizers", "llama.cpp", "ggml-vocab-gpt-2.gguf"))
	tok, err := tokenizer.New(s)
	if err != nil {
		t.Fatal(err)
	}
	checkVectors(t, tok, "ggml-vocab-gpt-2.gguf")
}

// decoded is a sample with the text that its ids are, without special tokens and
// with them.
type decoded struct {
	sample
	Decoded, Whole string
}

func checkDecoded(t *testing.T, tok *tokenizer.Tokenizer, name string, samples []decoded) {
	t.Helper()
	for _, c := range samples {
		got := tok.Encode(c.Text, true)
		if !slices.Equal(got, c.IDs) {
			t.Errorf("%s: %q: %v, expected %v", name, c.Text, got, c.IDs)
		}
		if whole := tok.Decode(c.IDs); whole != c.Whole {
			t.Errorf("%s: %v is %q, expected %q", name, c.IDs, whole, c.Whole)
		}
		stream, text := tok.TextStream(), ""
		for _, id := range c.IDs {
			text += stream.Push(id)
		}
		if text += stream.Flush(); text != c.Decoded {
			t.Errorf("%s: %v was streamed as %q, expected %q", name, c.IDs, text, c.Decoded)
		}
	}
}

// TestTinyStories: a vocabulary that has no tokens of bytes, and whose special
// tokens are looked for in normalised text.
func TestTinyStories(t *testing.T) {
	var samples []decoded
	if err := json.Unmarshal(read(t, filepath.Join("testdata", "tinystories.json")), &samples); err != nil {
		t.Fatal(err)
	}
	if len(samples) < 80 {
		t.Errorf("%d texts, expected 80 or more", len(samples))
	}
	tok := fromFolder(t, shared(t, "models", "tinystories-656k"))
	checkDecoded(t, tok, "tinystories", samples)
	checkDecoded(t, must(t, throughJSON(t, tok.Spec())), "tinystories, written and read", samples)
	if s := tok.Spec(); s.BOS != 1 || s.EOS != 2 || s.UNK != 0 || !s.AddBOS || s.AddEOS || s.Prefix != tokenizer.PrefixAlways {
		t.Errorf("%d, %d, %d, %v, %v, %v", s.BOS, s.EOS, s.UNK, s.AddBOS, s.AddEOS, s.Prefix)
	}
}

// TestAddedGolden: every way to say where spaces go, with added tokens of every
// kind.
func TestAddedGolden(t *testing.T) {
	var golden struct {
		Base     map[string]any
		Variants map[string]struct {
			Change  map[string]any
			Samples []decoded
		}
	}
	if err := json.Unmarshal(read(t, filepath.Join("testdata", "sentencepiece.json")), &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Variants) != 6 {
		t.Errorf("%d vocabularies, expected 6", len(golden.Variants))
	}
	for name, v := range golden.Variants {
		file := maps.Clone(golden.Base)
		maps.Copy(file, v.Change)
		data, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := tokenizer.FromJSON(name, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Samples) < 80 {
			t.Errorf("%s: %d texts, expected 80 or more", name, len(v.Samples))
		}
		checkDecoded(t, must(t, s), name, v.Samples)
		checkDecoded(t, must(t, throughJSON(t, s)), name+", written and read", v.Samples)
	}
}

// TestVectorsLlama is SentencePiece by scores; through a tokenizer.json it is the
// same by merges. Nothing is lost of any text.
func TestVectorsLlama(t *testing.T) {
	s := vocabularyOf(t, shared(t, "tokenizers", "llama.cpp", "ggml-vocab-llama-spm.gguf"))
	byScores, byMerges := must(t, s), must(t, throughJSON(t, s))
	checkVectors(t, byScores, "ggml-vocab-llama-spm.gguf")
	checkVectors(t, byMerges, "ggml-vocab-llama-spm.gguf")
	texts, _ := vectors(t, "ggml-vocab-llama-spm.gguf")
	for _, text := range texts {
		if back := byScores.Decode(byScores.Encode(text, true)); back != text {
			t.Errorf("%q came back as %q", text, back)
		}
	}
}

// vocabularyOf reads the tokenizer of a GGUF file that holds nothing else, which
// the reader of checkpoints refuses.
func vocabularyOf(t testing.TB, path string) tokenizer.Spec {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g := gguf{data: data, at: 8}
	g.uint(8)
	pairs := g.uint(8)
	s := tokenizer.Spec{Name: path, BOS: -1, EOS: -1, PAD: -1, UNK: -1}
	for range pairs {
		key := g.string()
		v := g.value(g.uint(4))
		switch key {
		case "tokenizer.ggml.model":
			if v == "llama" {
				s.Kind, s.Prefix, s.UNK, s.BOS, s.EOS = tokenizer.SentencePiece, tokenizer.PrefixAlways, 0, 1, 2
			}
		case "tokenizer.ggml.tokens":
			s.Tokens = v.([]string)
		case "tokenizer.ggml.merges":
			s.Merges = v.([]string)
		case "tokenizer.ggml.scores":
			for _, bits := range v.([]int) {
				s.Scores = append(s.Scores, math.Float32frombits(uint32(bits)))
			}
		case "tokenizer.ggml.token_type":
			for _, kind := range v.([]int) {
				s.Types = append(s.Types, int32(kind))
			}
		case "tokenizer.ggml.pre":
			s.Pre = v.(string)
		}
	}
	if s.Kind == tokenizer.ByteLevel {
		s.Types, s.Scores = nil, nil
	} else {
		s.Pre = ""
	}
	return s
}

type gguf struct {
	data []byte
	at   int
}

func (g *gguf) uint(n int) (v int) {
	for i := range n {
		v |= int(g.data[g.at+i]) << (8 * i)
	}
	g.at += n
	return v
}

func (g *gguf) string() string {
	n := g.uint(8)
	g.at += n
	return string(g.data[g.at-n : g.at])
}

func (g *gguf) value(kind int) any {
	switch kind {
	case 8:
		return g.string()
	case 9:
		kind, n := g.uint(4), g.uint(8)
		if kind == 8 {
			s := make([]string, n)
			for i := range s {
				s[i] = g.string()
			}
			return s
		}
		s := make([]int, n)
		for i := range s {
			s[i] = g.value(kind).(int)
		}
		return s
	}
	size, ok := map[int]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}[kind]
	if !ok {
		panic(fmt.Sprint("metadata of type ", kind))
	}
	return g.uint(size)
}

// BenchmarkEncode is a text of 1 MiB, by a tokenizer that has seen no word yet: of
// SentencePiece, which knows no words, beside byte-level BPE. Without anything to
// cut at, the whole text is one word.
func BenchmarkEncode(b *testing.B) {
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "golden", "documents.json"))
	if err != nil {
		b.Fatal(err)
	}
	var documents []struct{ Document string }
	if err := json.Unmarshal(raw, &documents); err != nil {
		b.Fatal(err)
	}
	text := ""
	for len(text) < 1<<20 {
		for _, d := range documents {
			text += d.Document + "\n"
		}
	}
	text = text[:1<<20]
	for _, c := range []struct{ name, vocabulary, text string }{
		{"gpt-2", "gpt-2", text},
		{"llama", "llama-spm", text},
		{"llama, one letter", "llama-spm", strings.Repeat("o", 1<<20)},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := filepath.Join("..", "..", "..", "shared", "tokenizers", "llama.cpp", "ggml-vocab-"+c.vocabulary+".gguf")
			if _, err := os.Stat(path); err != nil {
				b.Skip("skipped: the folder of fixtures ../shared, beside the repository, is absent")
			}
			s := vocabularyOf(b, path)
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			tokens := 0
			for b.Loop() {
				b.StopTimer()
				tok := must(b, s)
				b.StartTimer()
				tokens = len(tok.Encode(c.text, false))
			}
			b.ReportMetric(float64(tokens), "tokens")
		})
	}
}
