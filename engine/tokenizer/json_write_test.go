package tokenizer_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

// throughJSON writes a spec as files of Hugging Face's and reads them.
func throughJSON(t testing.TB, s tokenizer.Spec) tokenizer.Spec {
	t.Helper()
	file, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	config, err := s.ConfigJSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := tokenizer.FromJSON(s.Name, file, config)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// TestJSONBack: what is written is read as it was.
func TestJSONBack(t *testing.T) {
	specs := []tokenizer.Spec{}
	for _, pre := range []string{"gpt-2", "llama-bpe", "qwen2", "smollm", "tekken"} {
		s := tiny(pre)
		s.BOS, s.AddBOS, s.PAD, s.ChatTemplate = 0, true, 0, "{{ messages }}"
		specs = append(specs, s)
	}
	specs[1].IgnoreMerges = true
	for prefix := tokenizer.PrefixNone; prefix <= tokenizer.PrefixFirst; prefix++ {
		s := tinyPieces(prefix)
		s.Scores, s.Merges, s.AddEOS = nil, []string{"h e", "l l", "he ll", "hell o", "< /", "s >"}, true
		s.Types[len(s.Types)-1] = 4
		s.Attributes = make([]int32, len(s.Tokens))
		s.Attributes[1] = tokenizer.AttrLStrip | tokenizer.AttrSingleWord
		s.Attributes[len(s.Types)-1] = tokenizer.AttrRStrip
		if prefix == tokenizer.PrefixAlways {
			s.Attributes[2] = tokenizer.AttrNormalized
		}
		specs = append(specs, s)
	}
	for _, s := range specs {
		if back := throughJSON(t, s); !reflect.DeepEqual(back, s) {
			t.Errorf("%s, prefix %d: %+v, expected %+v", s.Pre, s.Prefix, back, s)
		}
	}
}

// TestJSONUnused: ids that no token has stay that.
func TestJSONUnused(t *testing.T) {
	s := tiny("gpt-2")
	s.Tokens, s.Types = slices.Insert(s.Tokens, 5, "[unused 5]"), slices.Insert(s.Types, 5, 5)
	if back := throughJSON(t, s); !reflect.DeepEqual(back, s) {
		t.Errorf("%+v, expected %+v", back, s)
	}
}

// TestJSONOfScores: scores become merges by which the same is merged.
func TestJSONOfScores(t *testing.T) {
	s := tinyPieces(tokenizer.PrefixAlways)
	back := throughJSON(t, s)
	if want := []string{"h e", "l l", "he ll", "hell o", "▁ h", "▁h ello", "▁ hello", "▁ w", "o r"}; !slices.Equal(back.Merges[:5], want[:5]) {
		t.Errorf("merges %q, expected them to begin with %q", back.Merges, want[:5])
	}
	tok, other := must(t, s), must(t, back)
	for _, text := range []string{"hello world", "  hello   hellow", strings.Repeat(" ", 33), "</s>", "wor ld hehell"} {
		if got, want := other.Encode(text, true), tok.Encode(text, true); !slices.Equal(got, want) {
			t.Errorf("%q: %v, expected %v", text, got, want)
		}
	}
}

func TestJSONBad(t *testing.T) {
	s := tiny("gpt-2")
	s.Tokens[3] = "\xff"
	if _, err := s.JSON(); err == nil || !strings.Contains(err.Error(), `token 3 is "\xff", which is not UTF-8`) {
		t.Errorf("%v", err)
	}
	s = tiny("gpt-2")
	s.EOS = 1 << 20
	if _, err := s.JSON(); err == nil || !strings.Contains(err.Error(), "eos token is 1048576") {
		t.Errorf("%v", err)
	}
	if _, err := s.ConfigJSON(); err == nil || !strings.Contains(err.Error(), "eos_token is 1048576") {
		t.Errorf("%v", err)
	}
}

// piecesJSON is a tokenizer.json as those of Llama-2 and TinyLlama are.
const piecesJSON = `{"added_tokens":[{"id":0,"content":"<unk>","special":true,"normalized":false},{"id":1,"content":"<s>","special":true,"normalized":true}],
"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
"pre_tokenizer":null,
"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}]},
"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"vocab":{"<unk>":0,"<s>":1,"<0x0A>":2,"▁":3,"a":4,"▁a":5},"merges":["▁ a"]}}`

const (
	normalizers = `{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}`
	noPre       = `"pre_tokenizer":null`
)

func metaspace(rest string) string {
	return `"pre_tokenizer":{"type":"Metaspace","replacement":"▁",` + rest + `}`
}

// TestPiecesJSON: the ways to say where spaces go are read, and what would change
// ids is refused by name.
func TestPiecesJSON(t *testing.T) {
	s, err := tokenizer.FromJSON("t.json", []byte(piecesJSON), nil)
	want := tokenizer.Spec{Name: "t.json", Kind: tokenizer.SentencePiece, Prefix: tokenizer.PrefixAlways, BOS: 1, EOS: -1, PAD: -1, UNK: 0, AddBOS: true,
		Tokens: []string{"<unk>", "<s>", "<0x0A>", "▁", "a", "▁a"}, Types: []int32{2, 3, 6, 1, 1, 1},
		Attributes: []int32{0, tokenizer.AttrNormalized, 0, 0, 0, 0}, Merges: []string{"▁ a"}}
	if err != nil || !reflect.DeepEqual(s, want) {
		t.Fatalf("%+v, %v, expected %+v", s, err, want)
	}
	for _, c := range []struct {
		name   string
		change []string // from, to
		prefix tokenizer.Prefix
		err    string
	}{
		{"replace alone", []string{normalizers, `{"type":"Replace","pattern":{"String":" "},"content":"▁"}`}, tokenizer.PrefixNone, ""},
		{"first", []string{normalizers, "null", noPre, metaspace(`"prepend_scheme":"first","split":false`)}, tokenizer.PrefixFirst, ""},
		{"always", []string{normalizers, "null", noPre, metaspace(`"prepend_scheme":"always","split":false`)}, tokenizer.PrefixMissing, ""},
		{"never", []string{normalizers, "null", noPre, metaspace(`"prepend_scheme":"never","split":false`)}, tokenizer.PrefixNone, ""},
		{"prefix space", []string{normalizers, "null", noPre, metaspace(`"add_prefix_space":true,"split":false`)}, tokenizer.PrefixMissing, ""},
		{"no prefix space", []string{normalizers, "null", noPre, metaspace(`"add_prefix_space":false,"split":false`)}, tokenizer.PrefixNone, ""},
		{"other scheme", []string{normalizers, "null", noPre, metaspace(`"prepend_scheme":"last","split":false`)}, 0, `prepend_scheme "last"`},
		{"contradiction", []string{normalizers, "null", noPre, metaspace(`"prepend_scheme":"first","add_prefix_space":false,"split":false`)}, 0, `prepend_scheme "first" and add_prefix_space false`},
		{"splitting", []string{normalizers, "null", noPre, metaspace(`"prepend_scheme":"first"`)}, 0, "split true"},
		{"both", []string{noPre, metaspace(`"prepend_scheme":"first","split":false`)}, 0, "expected none beside normalizers"},
		{"split", []string{noPre, `"pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious"}`}, 0, "MergedWithPrevious"},
		{"neither", []string{normalizers, "null"}, 0, "no step makes spaces ▁"},
		{"lower case", []string{`{"type":"Prepend","prepend":"▁"}`, `{"type":"Lowercase"}`}, 0, `"Lowercase" is not supported`},
		{"other prefix", []string{`"prepend":"▁"`, `"prepend":"_"`}, 0, `Prepend of "_"`},
		{"decoder", []string{`{"type":"Fuse"}`, `{"type":"CTC"}`}, 0, `decoder: step "CTC" is not supported`},
		{"decoder of spaces", []string{`"pattern":{"String":"▁"},"content":" "`, `"pattern":{"String":"_"},"content":" "`}, 0, "step Replace makes"},
		{"decoder without", []string{`{"type":"Replace","pattern":{"String":"▁"},"content":" "},`, ""}, 0, "no step makes ▁ a space"},
		{"strip", []string{`"content":" ","start":1`, `"content":"x","start":1`}, 0, "Strip takes off"},
		{"unknown", []string{`"unk_token":"<unk>"`, `"unk_token":"<what>"`}, 0, `model.unk_token is "<what>"`},
		{"unknown apart", []string{`"fuse_unk":true`, `"fuse_unk":false`}, 0, "fuse_unk is false with tokens of 1 of the 256 bytes"},
		{"BOS", []string{`"SpecialToken":{"id":"<s>"`, `"SpecialToken":{"id":"<t>"`}, 0, `post_processor: token "<t>" is not of the vocabulary`},
	} {
		data := piecesJSON
		for i := 0; i < len(c.change); i += 2 {
			if !strings.Contains(data, c.change[i]) {
				t.Fatalf("%s: no %q in the file", c.name, c.change[i])
			}
			data = strings.Replace(data, c.change[i], c.change[i+1], 1)
		}
		s, err := tokenizer.FromJSON("t.json", []byte(data), nil)
		switch {
		case c.err == "" && (err != nil || s.Prefix != c.prefix || s.Kind != tokenizer.SentencePiece):
			t.Errorf("%s: kind %d, prefix %d, %v, expected prefix %d", c.name, s.Kind, s.Prefix, err, c.prefix)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, expected %q in it", c.name, err, c.err)
		}
	}
}

// TestConfigJSON: what is not said is not written.
func TestConfigJSON(t *testing.T) {
	s := tinyPieces(tokenizer.PrefixNone)
	b, err := s.ConfigJSON()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": true, "add_eos_token": false,
		"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, expected %v", got, want)
	}
}
