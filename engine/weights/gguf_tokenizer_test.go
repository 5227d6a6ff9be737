package weights

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"tokenselect/engine/tokenizer"
)

// pieces is a SentencePiece vocabulary with scores, or with merges.
func pieces(merges bool) *tokenizer.Spec {
	s := &tokenizer.Spec{Name: "small", Kind: tokenizer.SentencePiece, Tokens: []string{"<unk>", "<s>", "</s>", "<0x0A>", "▁", "a", "▁a"},
		Types: []int32{2, 3, 3, 6, 1, 1, 1}, Prefix: tokenizer.PrefixAlways, UNK: 0, BOS: 1, EOS: 2, PAD: -1, AddBOS: true}
	if merges {
		s.Merges = []string{"▁ a"}
	} else {
		s.Scores = []float32{0, 0, 0, 0, -2, -3, -1}
	}
	return s
}

// TestGGUFPieces writes SentencePiece vocabularies and reads them as they were.
func TestGGUFPieces(t *testing.T) {
	for _, change := range []func(*tokenizer.Spec){
		func(s *tokenizer.Spec) {},
		func(s *tokenizer.Spec) { s.Prefix = tokenizer.PrefixNone },
		func(s *tokenizer.Spec) { s.Prefix = tokenizer.PrefixMissing },
		func(s *tokenizer.Spec) { s.Prefix, s.AddBOS, s.AddEOS = tokenizer.PrefixFirst, false, true },
		func(s *tokenizer.Spec) { s.Attributes = []int32{0, 8, 8, 0, 0, 0, 3}; s.EOT = []int{1} },
	} {
		for _, merges := range []bool{false, true} {
			m := random(small("llama"))
			m.Tokenizer = pieces(merges)
			change(m.Tokenizer)
			got, err := ParseGGUF("small", gguf(t, m, F16))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Tokenizer, m.Tokenizer) {
				t.Errorf("%+v, expected %+v", got.Tokenizer, m.Tokenizer)
			}
		}
	}
}

// without takes a key out of a file, by giving it a name that nobody asks for.
func without(b []byte, key string) []byte {
	other := key[:len(key)-1] + "_"
	at := binary.LittleEndian.AppendUint64(nil, uint64(len(key)))
	return bytes.Replace(b, append(at, key...), append(bytes.Clone(at), other...), 1)
}

// TestGGUFPiecesDefaults: what files leave out is what llama.cpp takes it to be.
func TestGGUFPiecesDefaults(t *testing.T) {
	m := random(small("llama"))
	m.Tokenizer = pieces(true)
	file := gguf(t, m, F16)
	for _, key := range []string{"add_bos_token", "add_space_prefix", "merges", "unknown_token_id"} {
		file = without(file, "tokenizer.ggml."+key)
	}
	got, err := ParseGGUF("small", file)
	if err != nil {
		t.Fatal(err)
	}
	want := pieces(false)
	want.Scores = []float32{0, 0, 0, 0, -1, -1, 0} // made of the merges
	if !reflect.DeepEqual(got.Tokenizer, want) {
		t.Errorf("%+v, expected %+v", got.Tokenizer, want)
	}
}

func TestGGUFPiecesBad(t *testing.T) {
	m := random(small("llama"))
	m.Tokenizer = pieces(false)
	m.Tokenizer.Prefix = tokenizer.PrefixFirst
	good := gguf(t, m, F16)
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"scores", "tokenizer.ggml.scores is missing", without(good, "tokenizer.ggml.scores")},
		{"numbers", "tokenizer.ggml.scores is no array of numbers of 4 bytes, one for each of 7 tokens",
			bytes.Replace(good, []byte("tokenizer.ggml.scores\x09\x00\x00\x00\x06"), []byte("tokenizer.ggml.scores\x09\x00\x00\x00\x04"), 1)},
		{"scheme", `tokenselect.prepend_scheme is "fjrst", expected always or first`,
			bytes.Replace(good, []byte("\x05\x00\x00\x00\x00\x00\x00\x00first"), []byte("\x05\x00\x00\x00\x00\x00\x00\x00fjrst"), 1)},
		{"flag", "tokenizer.ggml.add_space_prefix is", bytes.Replace(good, []byte("add_space_prefix\x07\x00\x00\x00"), []byte("add_space_prefix\x00\x00\x00\x00"), 1)},
	} {
		if bytes.Equal(c.file, good) {
			t.Fatalf("%s: the file is as it was", c.name)
		}
		_, err := ParseGGUF("bad.gguf", c.file)
		refused(t, err, "weights: bad.gguf: ", c.want)
	}
	whitespace := ggufMeta{meta: map[string]any{"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": []string{"a", "b", "ab"},
		"tokenizer.ggml.merges": []string{"a b"}, "tokenizer.ggml.remove_extra_whitespaces": true}}
	whitespace.tokenizer("x")
	refused(t, whitespace.err, "remove_extra_whitespaces is true")
}

// TestGGUFSplits: other names that files have for a split, and what llama.cpp does
// with them.
func TestGGUFSplits(t *testing.T) {
	for name, want := range map[string]tokenizer.Spec{
		"llama3":           {Pre: "llama-bpe", IgnoreMerges: true, AddBOS: true},
		"llama-bpe":        {Pre: "llama-bpe", IgnoreMerges: true, AddBOS: true},
		"tekken":           {Pre: "tekken", IgnoreMerges: true, AddBOS: true},
		"deepseek-r1-qwen": {Pre: "qwen2", NFC: true},
		"smollm":           {Pre: "smollm"},
	} {
		g := ggufMeta{meta: map[string]any{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": name, "tokenizer.ggml.tokens": []string{"a", "b", "ab"}, "tokenizer.ggml.merges": []string{"a b"}}}
		s := g.tokenizer("x")
		if g.err != nil || s.Pre != want.Pre || s.IgnoreMerges != want.IgnoreMerges || s.NFC != want.NFC || s.AddBOS != want.AddBOS {
			t.Errorf("%s: %+v, %v, expected %+v", name, s, g.err, want)
		}
	}
}

// TestGGUFLlamaVocabulary reads Llama-2's vocabulary from llama.cpp's own file.
func TestGGUFLlamaVocabulary(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "tokenizers", "llama.cpp", "ggml-vocab-llama-spm.gguf"))
	if err != nil {
		t.Skip("skipped: the folder of fixtures ../shared, beside the repository, is absent")
	}
	f, err := readGGUF(data, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	g := ggufMeta{meta: f.meta}
	s := g.tokenizer("llama")
	if g.err != nil {
		t.Fatal(g.err)
	}
	if len(s.Tokens) != 32000 || len(s.Scores) != 32000 || s.Scores[260] != -1 || s.Types[3] != 6 || s.BOS != 1 || s.EOS != 2 || s.UNK != 0 || !s.AddBOS || s.Prefix != tokenizer.PrefixAlways {
		t.Fatalf("%d tokens, %d scores, %+v", len(s.Tokens), len(s.Scores), s.Prefix)
	}
	tok, err := tokenizer.New(*s)
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Encode("Hello, world!", false); !reflect.DeepEqual(got, []int{15043, 29892, 3186, 29991}) {
		t.Errorf("%v, expected [15043 29892 3186 29991]", got)
	}
}

// useVocabulary encodes with a vocabulary of whatever content, and writes it as a
// tokenizer.json that must be read again.
func useVocabulary(t *testing.T, s tokenizer.Spec, text string) {
	t.Helper()
	tok, err := tokenizer.New(s)
	if err != nil {
		return
	}
	for _, special := range []bool{false, true} {
		for _, id := range tok.Encode(text, special) {
			if id < 0 || id >= len(s.Tokens) {
				t.Fatalf("id %d of %d tokens", id, len(s.Tokens))
			}
			tok.Decode([]int{id})
		}
	}
	file, err := s.JSON()
	if err != nil {
		return // of tokens that are not UTF-8
	}
	back, err := tokenizer.FromJSON("again", file, nil)
	if err == nil {
		_, err = tokenizer.New(back)
	}
	if err != nil {
		t.Fatalf("written as %s, but not read again: %v", file, err)
	}
}
