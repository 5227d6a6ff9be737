package tokenizer_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

// llama3 is the environment variable that names the folder of npm's package
// llama3-tokenizer-js, whose vocabulary is Llama-3's: too large to keep here.
const llama3 = "TOKENSELECT_LLAMA3_TOKENIZER"

func TestVectorsLlama3(t *testing.T) {
	dir := os.Getenv(llama3)
	if dir == "" {
		t.Skipf("skipped: %s names no folder of npm's llama3-tokenizer-js 1.2", llama3)
	}
	s := llama3Vocabulary(t, dir)
	checkVectors(t, must(t, s), "ggml-vocab-llama-bpe.gguf")
	checkVectors(t, must(t, throughJSON(t, s)), "ggml-vocab-llama-bpe.gguf")
}

// llama3Vocabulary reads what that package holds in base64: tokens, one a line, and
// the ids of the two parts of each merge, 17 bits each.
func llama3Vocabulary(t *testing.T, dir string) tokenizer.Spec {
	t.Helper()
	source := string(read(t, filepath.Join(dir, "src", "data-converted.js")))
	constant := func(name string) []byte {
		_, rest, ok := strings.Cut(source, "const "+name+` = "`)
		text, _, end := strings.Cut(rest, `"`)
		data, err := base64.StdEncoding.DecodeString(text)
		if !ok || !end || err != nil {
			t.Fatalf("%s: no constant %s in base64: %v", dir, name, err)
		}
		return data
	}
	s := tokenizer.Spec{Name: dir, Pre: "llama-bpe", IgnoreMerges: true, BOS: -1, EOS: -1, PAD: -1, UNK: -1}
	s.Tokens = strings.Split(string(constant("llama_vocab_base64")), "\n")
	bits, held, parts := uint64(0), 0, []string{}
	for _, b := range constant("llama_merges_binary") {
		bits, held = bits<<8|uint64(b), held+8
		if held < 17 {
			continue
		}
		held -= 17
		parts = append(parts, s.Tokens[bits>>held&(1<<17-1)])
		if len(parts) == 2 {
			s.Merges, parts = append(s.Merges, strings.Join(parts, " ")), parts[:0]
		}
	}
	if len(s.Tokens) != 128000 || len(s.Merges) != 280147 {
		t.Fatalf("%d tokens and %d merges, expected 128000 and 280147", len(s.Tokens), len(s.Merges))
	}
	return s
}
