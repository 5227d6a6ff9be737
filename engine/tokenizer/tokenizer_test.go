package tokenizer_test

import (
	"bytes"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

// tiny is a vocabulary of all bytes, a few merges and two special tokens.
func tiny(pre string) tokenizer.Spec {
	s := tokenizer.Spec{Name: "tiny", Pre: pre, BOS: -1, EOS: 1, PAD: -1, UNK: -1}
	add := func(text string, kind int32) {
		s.Tokens, s.Types = append(s.Tokens, text), append(s.Types, kind)
	}
	add("<|im_start|>", 3)
	add("<|im_end|>", 3)
	// The byte-level spelling of the 256 bytes, as GPT-2 orders them.
	next := rune(256)
	for b := range 256 {
		r := rune(b)
		if b < '!' || b > '~' && b < 0xa1 || b == 0xad {
			r = next
			next++
		}
		add(string(r), 1)
	}
	for _, m := range []string{"h e", "l l", "he ll", "hell o", "Ġ w", "Ġw o"} {
		s.Merges = append(s.Merges, m)
		add(strings.ReplaceAll(m, " ", ""), 1)
	}
	return s
}

func must(t testing.TB, s tokenizer.Spec) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// pieces are the tokens of a text, one string each.
func pieces(tok *tokenizer.Tokenizer, ids []int) []string {
	var p []string
	for _, id := range ids {
		p = append(p, tok.Decode([]int{id}))
	}
	return p
}

func ExampleTokenizer_Encode() {
	tok, err := tokenizer.New(tokenizer.Spec{
		Name: "example", Pre: "gpt-2", BOS: -1, EOS: -1, PAD: -1, UNK: -1,
		Tokens: []string{"h", "e", "l", "o", "he", "ll", "hell", "hello", "Ġ"},
		Merges: []string{"h e", "l l", "he ll", "hell o"},
	})
	if err != nil {
		log.Fatal(err)
	}
	ids := tok.Encode("hello he", false)
	fmt.Println(ids, tok.Decode(ids))
	// Output: [7 8 4] hello he
}

// TestSplit checks where words end, by hand from each model's regular
// expression. The vocabulary has no merges that would join words, so each word
// is marked by its own split: merges of the test never cross.
func TestSplit(t *testing.T) {
	for _, c := range []struct {
		pre, text string
		want      []string
	}{
		{"gpt-2", "hello world", []string{"hello", " wo", "r", "l", "d"}},
		{"gpt-2", "a  hello", []string{"a", " ", " ", "hello"}},
		{"smollm", "12hello", []string{"1", "2", "hello"}},
		{"llama-bpe", "1234 hello", []string{"1", "2", "3", "4", " ", "hello"}},
	} {
		tok := must(t, tiny(c.pre))
		if got := pieces(tok, tok.Encode(c.text, false)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q: %q, expected %q", c.pre, c.text, got, c.want)
		}
	}
}

// TestRoundTrip: every string of bytes comes back, with every split.
func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	texts := []string{"", "\x00", "\xff\xfe", "é", "e\u0301", "\u2028\u3000 \t\r\n", "日本語 text", "👩‍👩‍👧 ok", "\xe2\x82", "<|im_end|>", "a<|im_start|>b", strings.Repeat(" ", 1000), "½²Ⅻ٣"}
	for range 500 {
		b := make([]byte, rng.IntN(60))
		for i := range b {
			b[i] = byte(rng.IntN(256))
		}
		texts = append(texts, string(b))
	}
	for _, pre := range []string{"gpt-2", "smollm", "qwen2", "llama-bpe"} {
		tok := must(t, tiny(pre))
		for _, text := range texts {
			for _, special := range []bool{false, true} {
				ids := tok.Encode(text, special)
				if got := tok.Decode(ids); got != text {
					t.Fatalf("%s: %q came back as %q", pre, text, got)
				}
			}
		}
	}
}

func TestSpecial(t *testing.T) {
	tok := must(t, tiny("gpt-2"))
	const text = "he<|im_start|>ll<|im_end|>"
	if got := pieces(tok, tok.Encode(text, true)); !slices.Equal(got, []string{"he", "<|im_start|>", "ll", "<|im_end|>"}) {
		t.Errorf("parsed: %q", got)
	}
	for _, id := range tok.Encode(text, false) {
		if tok.IsSpecial(id) {
			t.Errorf("plain text gave the special token %q", tok.Token(id))
		}
	}
	end, ok := tok.ID("<|im_end|>")
	if !ok || !tok.IsEnd(end) || !tok.IsSpecial(end) || tok.IsEnd(5) || tok.IsSpecial(-1) || tok.Token(1<<20) != "" {
		t.Error("the end token is not told from others")
	}
}

// TestStream: pieces are never parts of a character, and nothing is lost.
func TestStream(t *testing.T) {
	tok := must(t, tiny("gpt-2"))
	for _, text := range []string{"hello", "日本", "a👩b", "\xff\xfeok", "\xe2\x82", "é\xc3"} {
		s, got := tok.Stream(), ""
		for _, id := range tok.Encode(text, false) {
			piece := s.Push(id)
			if strings.ToValidUTF8(text, "") == text && strings.ToValidUTF8(piece, "") != piece {
				t.Errorf("%q: a piece %q is part of a character", text, piece)
			}
			got += piece
		}
		if got += s.Flush(); got != text {
			t.Errorf("%q came as %q", text, got)
		}
	}
	s := tok.Stream()
	if got := s.Push(0) + s.Push(-1) + s.Push(1<<20); got != "" {
		t.Errorf("special and unknown tokens gave %q", got)
	}
}

// TestLong: a megabyte of one word and of many takes no quadratic time.
func TestLong(t *testing.T) {
	tok := must(t, tiny("gpt-2"))
	for _, text := range []string{strings.Repeat("hello", 200_000), strings.Repeat("hello world ", 80_000), strings.Repeat(" ", 1<<20), strings.Repeat("<|im_end|>", 20_000)} {
		if got := tok.Decode(tok.Encode(text, true)); got != text {
			t.Errorf("%.20q: %d bytes came back of %d", text, len(got), len(text))
		}
	}
}

func TestBadSpec(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*tokenizer.Spec)
	}{
		{"no merges", "no merges", func(s *tokenizer.Spec) { s.Merges = nil }},
		{"no tokens", "no tokens", func(s *tokenizer.Spec) { s.Tokens, s.Types = nil, nil }},
		{"pre", `"sentencepiece" is not supported`, func(s *tokenizer.Spec) { s.Pre = "sentencepiece" }},
		{"types", "2 token types, expected one for each of", func(s *tokenizer.Spec) { s.Types = s.Types[:2] }},
		{"twice", `token "h" has the ids`, func(s *tokenizer.Spec) { s.Tokens[len(s.Tokens)-1] = "h" }},
		{"merge", `merge 6 is "x yz"`, func(s *tokenizer.Spec) { s.Merges = append(s.Merges, "x yz") }},
		{"no space", `merge 6 is "hello"`, func(s *tokenizer.Spec) { s.Merges = append(s.Merges, "hello") }},
		{"eos", "eos token is 99999", func(s *tokenizer.Spec) { s.EOS = 99999 }},
		{"eot", "end-of-turn token is -4", func(s *tokenizer.Spec) { s.EOT = []int{-4} }},
	} {
		s := tiny("gpt-2")
		c.change(&s)
		if _, err := tokenizer.New(s); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tiny") {
			t.Errorf("%s: %v, expected %q and the file's name in it", c.name, err, c.want)
		}
	}
}

const goodJSON = `{"added_tokens":[{"id":3,"content":"<|end|>","special":true}],
"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}}`

func TestFromJSON(t *testing.T) {
	s, err := tokenizer.FromJSON("t.json", []byte(goodJSON), []byte(`{"eos_token":{"content":"<|end|>"},"chat_template":"x"}`))
	if err != nil || s.Pre != "gpt-2" || s.EOS != 3 || s.ChatTemplate != "x" || !slices.Equal(s.Merges, []string{"a b"}) || len(s.Tokens) != 4 {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, c := range []struct{ name, from, to, want string }{
		{"no json", `{"added`, `added`, "t.json"},
		{"model", `"BPE"`, `"Unigram"`, `"Unigram", expected BPE`},
		{"merges", `"merges":[["a","b"]]`, `"x":1`, "merges is missing"},
		{"merge of three", `["a","b"]`, `["a","b","c"]`, "merge 0 has 3 parts"},
		{"pre-tokenizer", `"ByteLevel"`, `"Metaspace"`, "Metaspace"},
		{"prefix space", `false`, `true`, "ByteLevel"},
		{"two tokens", `"b":1`, `"b":0`, "have id 0"},
		{"id", `"b":1`, `"b":-1`, "has id -1"},
		{"huge id", `"b":1`, `"b":999999999`, "has id 999999999"},
		{"added", `"id":3`, `"id":1`, "have id 1"},
		{"normalizer", `"model":{`, `"normalizer":{"type":"Lowercase"},"model":{`, `"Lowercase", expected none or NFC`},
		{"fallback", `"type":"BPE",`, `"type":"BPE","byte_fallback":true,`, "byte_fallback"},
	} {
		bad := strings.Replace(goodJSON, c.from, c.to, 1)
		if _, err := tokenizer.FromJSON("t.json", []byte(bad), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q in it", c.name, err, c.want)
		}
	}
	for _, config := range []string{`{`, `{"eos_token":"<|absent|>"}`, `{"added_tokens_decoder":{"x":{"content":"y"}}}`} {
		if _, err := tokenizer.FromJSON("t.json", []byte(goodJSON), []byte(config)); err == nil {
			t.Errorf("tokenizer_config.json %s: no error", config)
		}
	}
}

func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(goodJSON), []byte(`{"eos_token":"<|end|>"}`))
	f.Add([]byte(`{"model":{"merges":["a b"]}}`), []byte(nil))
	f.Fuzz(func(t *testing.T, data, config []byte) {
		s, err := tokenizer.FromJSON("fuzz", data, config)
		if err != nil {
			return
		}
		tok, err := tokenizer.New(s)
		if err != nil {
			return
		}
		tok.Decode(tok.Encode(string(data), true))
	})
}

func FuzzRoundTrip(f *testing.F) {
	var toks []*tokenizer.Tokenizer
	for _, pre := range []string{"gpt-2", "smollm", "qwen2", "llama-bpe"} {
		toks = append(toks, must(f, tiny(pre)))
	}
	f.Add([]byte("hello world 123 \r\n é<|im_end|>"), true)
	f.Add([]byte{0xff, 0xe2, 0x82}, false)
	f.Fuzz(func(t *testing.T, text []byte, special bool) {
		for _, tok := range toks {
			if got := tok.DecodeBytes(tok.Encode(string(text), special)); !bytes.Equal(got, text) {
				t.Fatalf("%q came back as %q", text, got)
			}
		}
	})
}
