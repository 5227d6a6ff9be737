package tokenizer_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

// tinyPieces is a small SentencePiece vocabulary: UNK, BOS, EOS, the bytes, some
// characters and what they merge into, with scores.
func tinyPieces(prefix tokenizer.Prefix) tokenizer.Spec {
	s := tokenizer.Spec{Name: "tiny", Kind: tokenizer.SentencePiece, Prefix: prefix, UNK: 0, BOS: 1, EOS: 2, PAD: -1, AddBOS: true}
	add := func(text string, kind int32, score float32) {
		s.Tokens, s.Types, s.Scores = append(s.Tokens, text), append(s.Types, kind), append(s.Scores, score)
	}
	add("<unk>", 2, 0)
	add("<s>", 3, 0)
	add("</s>", 3, 0)
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b), 6, 0)
	}
	for i, text := range []string{"he", "ll", "hell", "hello", "▁h", "▁hello", "▁w", "or", "▁wor", "ld", "▁world", "▁▁", "</", "s>"} {
		add(text, 1, -float32(i))
	}
	for i, r := range "▁helowrd<s>/é日" {
		add(string(r), 1, -100-float32(i))
	}
	return s
}

func tokens(tok *tokenizer.Tokenizer, ids []int) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = tok.Token(id)
	}
	return list
}

func TestPieces(t *testing.T) {
	for _, c := range []struct {
		prefix  tokenizer.Prefix
		text    string
		special bool
		want    []string
	}{
		{tokenizer.PrefixAlways, "hello world", false, []string{"▁hello", "▁world"}},
		{tokenizer.PrefixAlways, " hello", false, []string{"▁", "▁hello"}},
		{tokenizer.PrefixAlways, "", false, nil},
		{tokenizer.PrefixNone, "hello  world", false, []string{"hello", "▁", "▁world"}},
		{tokenizer.PrefixMissing, " hello", false, []string{"▁hello"}},
		{tokenizer.PrefixMissing, "hello", false, []string{"▁hello"}},
		{tokenizer.PrefixFirst, "hello", false, []string{"▁hello"}},
		{tokenizer.PrefixNone, "é日x\n€", false, []string{"é", "日", "<0x78>", "<0x0A>", "<0xE2>", "<0x82>", "<0xAC>"}},
		{tokenizer.PrefixNone, "\xffh", false, []string{"<0xFF>", "h"}},
		// Text that spells a control token becomes none, nor by merging.
		{tokenizer.PrefixNone, "</s>", false, []string{"</", "s>"}},
		{tokenizer.PrefixAlways, "hello</s>hello", true, []string{"▁hello", "</s>", "▁hello"}},
		{tokenizer.PrefixMissing, "hello</s>hello</s> hello", true, []string{"▁hello", "</s>", "▁hello", "</s>", "▁hello"}},
		{tokenizer.PrefixFirst, "hello</s>hello", true, []string{"▁hello", "</s>", "hello"}},
		{tokenizer.PrefixFirst, "<s>hello", true, []string{"<s>", "hello"}},
		{tokenizer.PrefixNone, "<0x0A>", true, []string{"<", "<0x30>", "<0x78>", "<0x30>", "<0x41>", ">"}},
	} {
		tok := must(t, tinyPieces(c.prefix))
		if got := tokens(tok, tok.Encode(c.text, c.special)); !slices.Equal(got, c.want) {
			t.Errorf("prefix %d, %q, special tokens %v: %q, expected %q", c.prefix, c.text, c.special, got, c.want)
		}
	}
}

// TestScoresMergeBySpelling: a token may be made of a character that is no token,
// and one of that is left alone becomes its bytes.
func TestScoresMergeBySpelling(t *testing.T) {
	s := tinyPieces(tokenizer.PrefixNone)
	s.Tokens, s.Types, s.Scores = append(s.Tokens, "qw", "qwq"), append(s.Types, 1, 1), append(s.Scores, -1, -2)
	tok := must(t, s)
	for text, want := range map[string][]string{"qw": {"qw"}, "qwqw": {"qw", "qw"}, "qwq": {"qwq"}, "wq": {"w", "<0x71>"}, "hqh": {"h", "<0x71>", "h"}} {
		if got := tokens(tok, tok.Encode(text, false)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
}

// TestUnknown: without tokens for all of its bytes a character is unknown, and any
// number in a row are one UNK; without UNK they are nothing.
func TestUnknown(t *testing.T) {
	s := tinyPieces(tokenizer.PrefixAlways)
	for id := 3; id < 3+256; id++ {
		if s.Types[id] = 5; id == 3+'x' {
			s.Types[id] = 6
		}
	}
	tok := must(t, s)
	for text, want := range map[string][]string{
		"hello": {"▁hello"}, "h€€éx": {"▁h", "<unk>", "é", "<0x78>"}, "€€ €": {"▁", "<unk>", "▁", "<unk>"}, "?!": {"▁", "<unk>"}, "?x?": {"▁", "<unk>", "<0x78>", "<unk>"},
	} {
		if got := tokens(tok, tok.Encode(text, false)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
	if !tok.IsSpecial(0) || tok.Stream().Push(0) != "" {
		t.Error("UNK is text, expected none")
	}
	s.UNK = -1
	tok = must(t, s)
	if got := tokens(tok, tok.Encode("h€h", false)); !slices.Equal(got, []string{"▁h", "h"}) {
		t.Errorf("without UNK: %q", got)
	}
}

// back is the text that a text comes back as.
func back(prefix tokenizer.Prefix, text string) string {
	text = strings.ReplaceAll(text, "▁", " ")
	if prefix == tokenizer.PrefixMissing || prefix == tokenizer.PrefixFirst {
		return strings.TrimPrefix(text, " ")
	}
	return text
}

// TestPiecesBack: text comes back, at once and as a stream of whole characters.
func TestPiecesBack(t *testing.T) {
	texts := []string{"", " ", "  ", "hello world", " hello", "é日本語👩‍👩‍👧", "a\x00\xff\xe2\x82", "▁x▁", "\n\n\t ", strings.Repeat("hello  ", 100), "<s>hello</s>"}
	for prefix := tokenizer.PrefixNone; prefix <= tokenizer.PrefixFirst; prefix++ {
		tok := must(t, tinyPieces(prefix))
		for _, text := range texts {
			ids := tok.Encode(text, false)
			if got := tok.Decode(ids); got != back(prefix, text) {
				t.Errorf("prefix %d: %q came back as %q", prefix, text, got)
			}
			stream, whole, rest := tok.TextStream(), "", tok.Stream()
			raw := ""
			for _, id := range ids {
				piece := stream.Push(id)
				if strings.ToValidUTF8(text, "") == text && strings.ToValidUTF8(piece, "") != piece {
					t.Errorf("prefix %d: %q: a piece %q is part of a character", prefix, text, piece)
				}
				whole, raw = whole+piece, raw+rest.Push(id)
			}
			if whole += stream.Flush(); whole != back(prefix, text) {
				t.Errorf("prefix %d: %q was streamed as %q", prefix, text, whole)
			}
			if raw += rest.Flush(); raw != string(tok.DecodeBytes(ids)) {
				t.Errorf("prefix %d: %q was streamed as %q after other text, expected %q", prefix, text, raw, tok.DecodeBytes(ids))
			}
		}
	}
}

// TestEncodeParts: parts are one text, in which only the special ones are looked
// through.
func TestEncodeParts(t *testing.T) {
	for _, c := range []struct {
		prefix tokenizer.Prefix
		parts  []tokenizer.Part
		begin  bool
		want   []string
	}{
		{tokenizer.PrefixAlways, []tokenizer.Part{{"hel", false}, {"lo wor", true}, {"ld", false}}, true, []string{"▁hello", "▁world"}},
		{tokenizer.PrefixAlways, []tokenizer.Part{{"hello</s>", false}, {"</s>", true}, {"hello", false}}, true, []string{"▁hello", "</", "s>", "</s>", "▁hello"}},
		{tokenizer.PrefixFirst, []tokenizer.Part{{"hello", false}}, false, []string{"hello"}},
		{tokenizer.PrefixFirst, []tokenizer.Part{{"", true}, {"hello", false}, {"</s>", true}, {"hello", false}}, true, []string{"▁hello", "</s>", "hello"}},
		{tokenizer.PrefixMissing, []tokenizer.Part{{"hello", false}}, false, []string{"▁hello"}},
	} {
		tok := must(t, tinyPieces(c.prefix))
		if got := tokens(tok, tok.EncodeParts(c.parts, c.begin)); !slices.Equal(got, c.want) {
			t.Errorf("prefix %d, %v: %q, expected %q", c.prefix, c.parts, got, c.want)
		}
	}
}

func TestWithBOS(t *testing.T) {
	s := tinyPieces(tokenizer.PrefixNone)
	tok := must(t, s)
	for _, c := range []struct{ ids, want []int }{{nil, []int{1}}, {[]int{5}, []int{1, 5}}, {[]int{1, 5}, []int{1, 5}}} {
		if got := tok.WithBOS(c.ids); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, expected %v", c.ids, got, c.want)
		}
	}
	s.AddBOS = false
	if got := must(t, s).WithBOS([]int{5}); !slices.Equal(got, []int{5}) {
		t.Errorf("without AddBOS: %v", got)
	}
}

// TestAttributes: what added tokens take in and where they may stand, of both
// kinds, as Hugging Face's tokenizers have it.
func TestAttributes(t *testing.T) {
	add := func(s *tokenizer.Spec, text string, bits int32) {
		for len(s.Attributes) < len(s.Tokens) {
			s.Attributes = append(s.Attributes, 0)
		}
		s.Tokens, s.Types, s.Attributes = append(s.Tokens, text), append(s.Types, 3), append(s.Attributes, bits)
		if s.Scores != nil {
			s.Scores = append(s.Scores, 0)
		}
	}
	for _, s := range []tokenizer.Spec{tiny("gpt-2"), tinyPieces(tokenizer.PrefixNone)} {
		add(&s, "<L>", tokenizer.AttrLStrip)
		add(&s, "<R>", tokenizer.AttrRStrip)
		add(&s, "<LR>", tokenizer.AttrLStrip|tokenizer.AttrRStrip)
		add(&s, "word", tokenizer.AttrSingleWord)
		tok := must(t, s)
		for _, c := range []struct {
			parts []tokenizer.Part
			want  string
		}{
			{[]tokenizer.Part{{"h \n<L> h", true}}, "h|<L>| h"},
			{[]tokenizer.Part{{"h <R> \u00a0h", true}}, "h |<R>|h"},
			{[]tokenizer.Part{{"h <LR> <LR> h", true}}, "h|<LR>|<LR>|h"},
			{[]tokenizer.Part{{" <L>", true}}, "<L>"},
			{[]tokenizer.Part{{"h ", false}, {"<LR>", true}, {" ", false}, {" h", true}}, "h|<LR>|h"},
			{[]tokenizer.Part{{"word,word", true}}, "word|,|word"},
			{[]tokenizer.Part{{"wordy word éword word_ word", true}}, "wordy |word| éword word_ |word"},
		} {
			var got []string
			text := true
			for _, id := range tok.EncodeParts(c.parts, true) {
				piece, join := string(tok.DecodeBytes([]int{id})), text && len(got) > 0
				if text = !tok.IsSpecial(id); join && text {
					got[len(got)-1] += piece
				} else {
					got = append(got, piece)
				}
			}
			if got := strings.Join(got, "|"); got != c.want {
				t.Errorf("kind %d, %v: %q, expected %q", s.Kind, c.parts, got, c.want)
			}
		}
	}
}

// TestNormalizedToken: a token that is looked for in normalised text has a prefix
// of its own there, so that one behind a letter is not found, as with Hugging
// Face's tokenizers; a part that is nothing else always is.
func TestNormalizedToken(t *testing.T) {
	s := tinyPieces(tokenizer.PrefixAlways)
	s.Attributes = make([]int32, len(s.Tokens))
	s.Attributes[2] = tokenizer.AttrNormalized
	tok := must(t, s)
	for _, c := range []struct {
		parts []tokenizer.Part
		want  []string
	}{
		{[]tokenizer.Part{{"</s>hello", true}}, []string{"</s>", "hello"}},
		{[]tokenizer.Part{{"hello </s> hello", true}}, []string{"▁hello", "</s>", "▁hello"}},
		{[]tokenizer.Part{{"hello</s>", true}}, []string{"▁hello", "</", "s>"}},
		{[]tokenizer.Part{{"<s></s>", true}}, []string{"<s>", "</s>"}},
		{[]tokenizer.Part{{"hello", false}, {"</s>", true}, {"hello", false}}, []string{"▁hello", "</s>", "▁hello"}},
		{[]tokenizer.Part{{"hel", false}, {"lo", true}}, []string{"▁hello"}},
	} {
		if got := tokens(tok, tok.EncodeParts(c.parts, true)); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, expected %q", c.parts, got, c.want)
		}
	}
}

// TestPiecesNoTypes: a vocabulary without types has them by its tokens' names.
func TestPiecesNoTypes(t *testing.T) {
	s := tinyPieces(tokenizer.PrefixAlways)
	want := must(t, s)
	s.Types = nil
	tok := must(t, s)
	if got := tok.Spec().Types; !slices.Equal(got, want.Spec().Types) {
		t.Errorf("types %v, expected %v", got, want.Spec().Types)
	}
}

func TestBadPieces(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*tokenizer.Spec)
	}{
		{"nothing to merge by", "no merges and no scores", func(s *tokenizer.Spec) { s.Scores = nil }},
		{"scores", "2 scores, expected one for each of", func(s *tokenizer.Spec) { s.Scores = s.Scores[:2] }},
		{"NaN", "token 260 has the score NaN", func(s *tokenizer.Spec) { s.Scores[260] = float32(math.NaN()) }},
		{"byte", `token 5 is of the type of bytes and "<0x2>"`, func(s *tokenizer.Spec) { s.Tokens[5] = "<0x2>" }},
		{"attributes", "1 token attributes, expected one for each of", func(s *tokenizer.Spec) { s.Attributes = []int32{0} }},
		{"merges", "ignores merges", func(s *tokenizer.Spec) { s.IgnoreMerges = true }},
		{"prefix", "prefix 9", func(s *tokenizer.Spec) { s.Prefix = 9 }},
		{"kind", "kind 7", func(s *tokenizer.Spec) { s.Kind = 7 }},
		{"byte-level prefix", "a byte-level vocabulary with prefix 1", func(s *tokenizer.Spec) { *s = tiny("gpt-2"); s.Prefix = 1 }},
		{"long", "token 270 is 5000 bytes long, expected at most 1024", func(s *tokenizer.Spec) { s.Tokens[270] = strings.Repeat("h", 5000) }},
		{"merge", `merge 0 is "h x", expected two tokens whose join is a token`, func(s *tokenizer.Spec) { s.Merges = []string{"h x"} }},
	} {
		s := tinyPieces(tokenizer.PrefixAlways)
		c.change(&s)
		if _, err := tokenizer.New(s); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tiny") {
			t.Errorf("%s: %v, expected %q and the file's name in it", c.name, err, c.want)
		}
	}
}

// TestPiecesLong: neither a document without a place to cut at, nor one of special
// tokens or of unknown characters, takes quadratic time.
func TestPiecesLong(t *testing.T) {
	tok := must(t, tinyPieces(tokenizer.PrefixAlways))
	for _, text := range []string{
		strings.Repeat("hello", 50_000), strings.Repeat("hello world ", 20_000), strings.Repeat(" ", 1<<18),
		strings.Repeat("€", 1<<16), strings.Repeat("\xff", 1<<17),
	} {
		if got := tok.Decode(tok.Encode(text, true)); got != text {
			t.Errorf("%.20q: %d bytes came back of %d", text, len(got), len(text))
		}
	}
	if ids := tok.Encode(strings.Repeat("</s>", 25_000), true); len(ids) != 25_000 {
		t.Errorf("%d special tokens, expected 25000", len(ids))
	}
}

func FuzzPieces(f *testing.F) {
	var toks []*tokenizer.Tokenizer
	for prefix := tokenizer.PrefixNone; prefix <= tokenizer.PrefixFirst; prefix++ {
		s := tinyPieces(prefix)
		s.Attributes = make([]int32, len(s.Tokens))
		s.Attributes[1], s.Attributes[2] = tokenizer.AttrLStrip|tokenizer.AttrRStrip, tokenizer.AttrNormalized|tokenizer.AttrSingleWord
		toks = append(toks, must(f, s))
	}
	f.Add([]byte("hello  world é€ \n</s> <s> hello"))
	f.Add([]byte("▁ \xff\xe2\x96"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for prefix, tok := range toks {
			if got, want := tok.Decode(tok.Encode(string(text), false)), back(tokenizer.Prefix(prefix), string(text)); got != want {
				t.Fatalf("prefix %d: %q came back as %q, expected %q", prefix, text, got, want)
			}
			for _, id := range tok.Encode(string(text), true) {
				if id < 0 || id >= tok.Len() {
					t.Fatalf("id %d of %d tokens", id, tok.Len())
				}
			}
		}
	})
}
