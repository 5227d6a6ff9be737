package tokenizer

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

func words(split splitter, text string) []string {
	var w []string
	for len(text) > 0 {
		n := split(text)
		w = append(w, text[:n])
		text = text[n:]
	}
	return w
}

// TestWords checks where words end, derived by hand from each model's regular
// expression.
func TestWords(t *testing.T) {
	for _, c := range []struct {
		pre, text string
		want      []string
	}{
		{"gpt-2", "I'm he'LL 12 ok!?", []string{"I", "'m", " he", "'", "LL", " 12", " ok", "!?"}},
		{"gpt-2", "a  b \n c ", []string{"a", " ", " b", " \n", " c", " "}},
		{"gpt-2", " \t1", []string{" ", "\t", "1"}},
		{"gpt-2", "don't 'tis", []string{"don", "'t", " '", "tis"}},

		{"smollm", "a 12 b", []string{"a", " ", "1", "2", " b"}},
		{"smollm", "a  1  b", []string{"a", "  ", "1", " ", " b"}},
		{"smollm", "x2y ½'s", []string{"x", "2", "y", " ", "½", "'s"}},
		{"smollm", "a.\n\n3", []string{"a", ".", "\n\n", "3"}},

		{"llama-bpe", "1234567 89", []string{"123", "456", "7", " ", "89"}},
		{"llama-bpe", "I'M you'Re it'ſ", []string{"I", "'M", " you", "'Re", " it", "'ſ"}},
		{"llama-bpe", "(hello)\n\nx", []string{"(hello", ")\n\n", "x"}},
		{"llama-bpe", "\thi !!\r\n  ok", []string{"\thi", " !!\r\n", " ", " ok"}},
		{"llama-bpe", "a \n \n  b", []string{"a", " \n \n", " ", " b"}},
		{"llama-bpe", "x   ", []string{"x", "   "}},
		{"llama-bpe", "x  1", []string{"x", " ", " ", "1"}},
		{"llama-bpe", "\n\nx", []string{"\n\n", "x"}},
		{"llama-bpe", "日本 語。12", []string{"日本", " 語", "。", "12"}},
		{"llama-bpe", "'quoted' 'd", []string{"'quoted", "'", " '", "d"}},
		{"llama-bpe", "½²٣4", []string{"½²٣", "4"}},

		{"qwen2", "1234 x", []string{"1", "2", "3", "4", " x"}},
		{"qwen2", "e\u0301t", []string{"e", "\u0301t"}},
	} {
		if got := words(splitters[c.pre], c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q: %q, expected %q", c.pre, c.text, got, c.want)
		}
	}
}

// TestSplitsGolden compares with the words that Hugging Face's tokenizers made of
// the same texts.
func TestSplitsGolden(t *testing.T) {
	raw, err := os.ReadFile("testdata/splits.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string][][]string
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	for name, split := range splitters {
		if len(golden[name]) < 100 {
			t.Errorf("%s: %d texts in the file, expected 100 or more", name, len(golden[name]))
		}
		for _, want := range golden[name] {
			text := strings.Join(want, "")
			if got := words(split, text); !slices.Equal(got, want) {
				t.Errorf("%s: %q: %q, expected %q", name, text, got, want)
			}
		}
	}
}

// TestSmolLMByPieces compares with the rule as it is stated: numbers taken out
// one by one, GPT-2's split within each piece between them.
func TestSmolLMByPieces(t *testing.T) {
	stated := func(text string) (w []string) {
		piece := ""
		flush := func() { w, piece = append(w, words(splitGPT2, piece)...), "" }
		for len(text) > 0 {
			r, n := char(text)
			if isNumber(r) {
				flush()
				w = append(w, text[:n])
			} else {
				piece += text[:n]
			}
			text = text[n:]
		}
		flush()
		return w
	}
	rng := rand.New(rand.NewPCG(2, 3))
	parts := []string{" ", " ", "\n", "\t", "a", "b", "é", "'", "s", "ll", "1", "2", "½", "!", ".", "\xff", "\u3000", "日"}
	for range 3000 {
		var b strings.Builder
		for range rng.IntN(12) {
			b.WriteString(parts[rng.IntN(len(parts))])
		}
		if got, want := words(splitSmolLM, b.String()), stated(b.String()); !slices.Equal(got, want) {
			t.Fatalf("%q: %q, expected %q", b.String(), got, want)
		}
	}
}

// TestSplitProgress: a word is never empty and never longer than the text.
func TestSplitProgress(t *testing.T) {
	const alphabet = " \r\n\t'sAa1.\xe2\x80\xa8\xff\xc2\xa0"
	rng := rand.New(rand.NewPCG(4, 5))
	for name, split := range splitters {
		for range 2000 {
			b := make([]byte, 1+rng.IntN(20))
			for i := range b {
				b[i] = alphabet[rng.IntN(len(alphabet))]
			}
			for text := string(b); len(text) > 0; {
				n := split(text)
				if n <= 0 || n > len(text) {
					t.Fatalf("%s: %q: a word of %d bytes", name, text, n)
				}
				text = text[n:]
			}
		}
	}
}
