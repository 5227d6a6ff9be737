package tokenizer_test

import (
	"bytes"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
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
	for _, pre := range []string{"gpt-2", "smollm", "qwen2", "llama-bpe", "tekken"} {
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

// TestUserDefined: user-defined tokens are found where special ones are parsed,
// the leftmost first and of two at one place the longer, and nowhere else.
func TestUserDefined(t *testing.T) {
	s := tiny("gpt-2")
	for _, text := range []string{"<a", "<ab>", "b><c", "  "} {
		s.Tokens, s.Types = append(s.Tokens, text), append(s.Types, 4)
	}
	tok := must(t, s)
	for _, c := range []struct {
		text    string
		special bool
		want    []string
	}{
		{"x<ab><c", true, []string{"x", "<ab>", "<", "c"}},
		{"<ab<a", true, []string{"<a", "b", "<a"}},
		{"b><c<", true, []string{"b><c", "<"}},
		{"hello   hello", true, []string{"hello", "  ", " ", "hello"}},
		{"<ab><|im_end|><a", true, []string{"<ab>", "<|im_end|>", "<a"}},
		{"hello<ab>", false, []string{"hello", "<", "a", "b", ">"}},
	} {
		if got := pieces(tok, tok.Encode(c.text, c.special)); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, expected %q", c.text, got, c.want)
		}
	}
	if id, _ := tok.ID("<a"); tok.IsSpecial(id) || tok.Stream().Push(id) != "<a" {
		t.Error("a user-defined token is no text")
	}
}

// TestAbsentByte: a byte that no token spells becomes no control token.
func TestAbsentByte(t *testing.T) {
	s := tokenizer.Spec{Name: "small", Pre: "gpt-2", BOS: -1, EOS: -1, PAD: -1, UNK: 3,
		Tokens: []string{"a", "b", "ab", "<|endoftext|>"}, Types: []int32{1, 1, 1, 3}, Merges: []string{"a b"}}
	if got := must(t, s).Encode("a\x04b?", true); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("%v, expected [0 1]", got)
	}
}

// TestMergesIntoSpecial: merges make no control token of plain text, nor a token
// whose bytes are others than those merged.
func TestMergesIntoSpecial(t *testing.T) {
	s := tiny("gpt-2")
	for _, c := range []struct {
		token string
		kind  int32
	}{{"<e", 3}, {"Ġh", 4}, {"eh", 4}} {
		s.Tokens, s.Types = append(s.Tokens, c.token), append(s.Types, c.kind)
	}
	s.Merges = append([]string{"< e", "Ġ h", "e h"}, s.Merges...)
	tok := must(t, s)
	for _, c := range []struct {
		text    string
		special bool
		want    []string
	}{
		{"<e", false, []string{"<", "e"}},
		{"<e", true, []string{"<e"}},
		{" hi", false, []string{" ", "h", "i"}},
		{"ehe", false, []string{"eh", "e"}},
	} {
		if got := pieces(tok, tok.Encode(c.text, c.special)); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, expected %q", c.text, got, c.want)
		}
	}
}

// TestNoTypes: without types all tokens are normal, and a list of none says the
// same as no list.
func TestNoTypes(t *testing.T) {
	s := tiny("gpt-2")
	for _, s.Types = range [][]int32{nil, {}} {
		tok := must(t, s)
		if end, _ := tok.ID("<|im_end|>"); tok.IsSpecial(end) || !tok.IsEnd(end) {
			t.Errorf("types %v: special %v, end %v, expected false and true", s.Types, tok.IsSpecial(end), tok.IsEnd(end))
		}
		if got := tok.Decode(tok.Encode("hello<|im_end|>", true)); got != "hello<|im_end|>" {
			t.Errorf("types %v: came back as %q", s.Types, got)
		}
	}
}

// TestEnds: the ends of a turn are EOS, what the spec names, and what the
// vocabulary's names tell; the spec says which where it named none.
func TestEnds(t *testing.T) {
	s := tiny("gpt-2")
	s.Tokens, s.Types = append(s.Tokens, "<|endoftext|>", "<|eot_id|>"), append(s.Types, 3, 1)
	text, turn := len(s.Tokens)-2, len(s.Tokens)-1
	s.EOS = text
	tok := must(t, s)
	if got := tok.Spec().EOT; !slices.Equal(got, []int{1}) {
		t.Errorf("EOT is %v, expected [1]", got)
	}
	if s.EOT != nil {
		t.Errorf("the caller's spec was changed: EOT is %v", s.EOT)
	}
	for id, want := range map[int]bool{0: false, 1: true, text: true, turn: false, -1: false} {
		if tok.IsEnd(id) != want {
			t.Errorf("token %d (%s) ends an answer: %v, expected %v", id, tok.Token(id), !want, want)
		}
	}
	s.EOT = []int{0}
	if tok = must(t, s); !tok.IsEnd(0) || !slices.Equal(tok.Spec().EOT, []int{0}) {
		t.Errorf("EOT is %v, expected the one named", tok.Spec().EOT)
	}
}

// TestIgnoreMerges: where that is the rule, a word that is a token is it even if
// no merge leads there.
func TestIgnoreMerges(t *testing.T) {
	s := tiny("llama-bpe")
	s.Tokens, s.Types = append(s.Tokens, "Ġheo"), append(s.Types, 1)
	want := []string{" ", "he", "o"}
	for _, s.IgnoreMerges = range []bool{false, true} {
		if s.IgnoreMerges {
			want = []string{" heo"}
		}
		tok := must(t, s)
		if got := pieces(tok, tok.Encode(" heo", false)); !slices.Equal(got, want) {
			t.Errorf("ignore merges %v: %q, expected %q", s.IgnoreMerges, got, want)
		}
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

// TestLong: long words, long texts, texts without numbers and texts of nothing
// but special tokens take no quadratic time: with it this would take minutes.
func TestLong(t *testing.T) {
	texts := []string{
		strings.Repeat("hello", 50_000), strings.Repeat("hello world ", 20_000), strings.Repeat(" ", 1<<18),
		strings.Repeat("<|im_end|>", 25_000), strings.Repeat("<", 1<<18), strings.Repeat(" \n", 1<<17), strings.Repeat("1", 1<<18),
	}
	for _, pre := range []string{"gpt-2", "smollm", "qwen2", "llama-bpe", "tekken"} {
		tok := must(t, tiny(pre))
		for _, text := range texts {
			if got := tok.Decode(tok.Encode(text, true)); got != text {
				t.Errorf("%s: %.20q: %d bytes came back of %d", pre, text, len(got), len(text))
			}
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

func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(goodJSON), []byte(`{"eos_token":"<|end|>"}`))
	f.Add([]byte(`{"model":{"merges":["a b"]}}`), []byte(nil))
	f.Add([]byte(strings.Replace(goodJSON, "{", `{"normalizer":{"type":"NFC"},"x":"e\u0323\u0301 \ue000",`, 1)), []byte(nil))
	f.Add([]byte(piecesJSON), []byte(`{"bos_token":"<s>","add_eos_token":false}`))
	f.Add([]byte(strings.Replace(strings.Replace(piecesJSON, normalizers, "null", 1), noPre, metaspace(`"prepend_scheme":"first","split":false`), 1)), []byte(nil))
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
		got := tok.DecodeBytes(tok.Encode(string(data), false))
		throughJSON(t, s)
		if s.IgnoreMerges || s.Kind == tokenizer.SentencePiece || s.NFC { // a word that is a token may have bytes that are none, a prefix is no text, and text is composed
			return
		}
		var want []byte
		for _, b := range data {
			if len(tok.Encode(string([]byte{b}), false)) > 0 {
				want = append(want, b)
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%q came back as %q, expected %q, the bytes that are tokens", data, got, want)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	var toks []*tokenizer.Tokenizer
	for _, pre := range []string{"gpt-2", "smollm", "qwen2", "llama-bpe", "tekken"} {
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

// TestConcurrent: one tokenizer serves several callers, which share its memory of
// words.
func TestConcurrent(t *testing.T) {
	tok := must(t, tiny("smollm"))
	texts := []string{"hello world", "he said 12 hellos", strings.Repeat("hell ", 50)}
	var done sync.WaitGroup
	for i := range 6 {
		done.Go(func() {
			for range 50 {
				text := texts[i%len(texts)]
				if got := tok.Decode(tok.Encode(text, true)); got != text {
					t.Errorf("%q came back as %q", text, got)
				}
			}
		})
	}
	done.Wait()
}
