package tokenizer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

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
		{"a token twice", `"b":1`, `"a":1`, `model.vocab`},
		{"id of text", `"b":1`, `"b":"1"`, `"b" has the id 1, expected a whole number`},
		{"id of a fraction", `"b":1`, `"b":1.5`, `"b" has the id 1.5`},
		{"far id", `"b":1`, `"b":100000`, `has id 100000`},
		{"far added id", `"id":3`, `"id":2000000`, `added_tokens: token "<|end|>" has id 2000000`},
		{"second split", `"add_prefix_space":false`, `"add_prefix_space":false,"use_regex":false`, "use_regex is false"},
		{"prefix", `"type":"BPE",`, `"type":"BPE","continuing_subword_prefix":"##",`, `continuing_subword_prefix is "##"`},
		{"suffix", `"type":"BPE",`, `"type":"BPE","end_of_word_suffix":"</w>",`, `end_of_word_suffix "</w>"`},
		{"dropout", `"type":"BPE",`, `"type":"BPE","dropout":0.1,`, `dropout is 0.1`},
		{"fallback", `"type":"BPE",`, `"type":"BPE","byte_fallback":true,`, "decoder: no step"},
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

// TestPreTokenizers: what is known is recognised, and nothing that is near it.
func TestPreTokenizers(t *testing.T) {
	const (
		qwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
		llama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	)
	split := func(regex, behavior string) string {
		pattern, err := json.Marshal(regex)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"type":"Split","pattern":{"Regex":%s},"behavior":%q,"invert":false}`, pattern, behavior)
	}
	sequence := func(steps ...string) string {
		return `{"type":"Sequence","pretokenizers":[` + strings.Join(steps, ",") + `]}`
	}
	const (
		splitting = `{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}`
		bytesOnly = `{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}`
		digits    = `{"type":"Digits","individual_digits":true}`
	)
	for _, c := range []struct{ step, pre, err string }{
		{splitting, "gpt-2", ""},
		{sequence(splitting), "gpt-2", ""},
		{sequence(digits, splitting), "smollm", ""},
		{sequence(split(qwen2, "Isolated"), bytesOnly), "qwen2", ""},
		{sequence(split(llama3, "Isolated"), bytesOnly), "llama-bpe", ""},
		{"null", "", "pre_tokenizer is missing"},
		{sequence(), "", "0 steps"},
		{sequence(digits, digits, splitting), "", "3 steps"},
		{digits, "", "Digits"},
		{bytesOnly, "", "use_regex is false, expected true with the split gpt-2"},
		{sequence(digits, bytesOnly), "", "use_regex is false, expected true with the split smollm"},
		{sequence(split(qwen2, "Isolated"), splitting), "", "use_regex is true, expected false with the split qwen2"},
		{sequence(splitting, digits), "", `step "ByteLevel" is not supported`},
		{sequence(split(qwen2, "Removed"), bytesOnly), "", `behavior "Removed"`},
		{sequence(split("[0-9]", "Isolated"), bytesOnly), "", `Split by "[0-9]"`},
		{sequence(`{"type":"Digits","individual_digits":false}`, splitting), "", "individual_digits false"},
		{`{"type":"ByteLevel"}`, "", "without a prefix space"},
	} {
		data := strings.Replace(goodJSON, `{"type":"ByteLevel","add_prefix_space":false}`, c.step, 1)
		s, err := tokenizer.FromJSON("t.json", []byte(data), nil)
		switch {
		case c.err == "" && (err != nil || s.Pre != c.pre):
			t.Errorf("%s: %q, %v, expected %s", c.step, s.Pre, err, c.pre)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, expected %q in it", c.step, err, c.err)
		}
	}
}

// TestConfig: what tokenizer_config.json may say in more than one way.
func TestConfig(t *testing.T) {
	withFirst := strings.Replace(goodJSON, `"model":{`, `"post_processor":{"type":"Sequence","processors":[{"type":"ByteLevel"},
{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|end|>","type_id":0}},{"Sequence":{"id":"A"}}]}]},"model":{`, 1)
	for _, c := range []struct {
		name, data, config string
		addBOS             bool
		template           string
		tokens             int
	}{
		{"nothing", goodJSON, `{}`, false, "", 4},
		{"template processing", withFirst, `{"bos_token":"<|end|>"}`, true, "", 4},
		{"template processing, denied", withFirst, `{"bos_token":"<|end|>","add_bos_token":false}`, false, "", 4},
		{"add_bos_token", goodJSON, `{"bos_token":"<|end|>","add_bos_token":true}`, true, "", 4},
		{"template", goodJSON, `{"chat_template":"x"}`, false, "x", 4},
		{"templates", goodJSON, `{"chat_template":[{"name":"tool","template":"y"},{"name":"default","template":"x"}]}`, false, "x", 4},
		{"null", goodJSON, `{"chat_template":null,"eos_token":null,"add_bos_token":null}`, false, "", 4},
		{"a gap", goodJSON, `{"added_tokens_decoder":{"10":{"content":"<b>"},"9":{"content":"<a>"}}}`, false, "", 11},
	} {
		s, err := tokenizer.FromJSON("t.json", []byte(c.data), []byte(c.config))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.AddBOS != c.addBOS || s.ChatTemplate != c.template || len(s.Tokens) != c.tokens || len(s.Types) != c.tokens {
			t.Errorf("%s: BOS %v, template %q, %d tokens, expected %v, %q, %d", c.name, s.AddBOS, s.ChatTemplate, len(s.Tokens), c.addBOS, c.template, c.tokens)
		}
		must(t, s) // the unused ids of a gap have names of their own each
	}
}

func TestFromVocabMerges(t *testing.T) {
	const vocab, merges = `{"a":0,"b":1,"ab":2}`, "#version: 0.2\r\na b\r\n"
	s, err := tokenizer.FromVocabMerges("folder", []byte(vocab), []byte(merges), []byte(`{"added_tokens_decoder":{"3":{"content":"<|im_end|>","special":true}},"eos_token":"<|im_end|>"}`), "qwen2")
	if err != nil || !slices.Equal(s.Merges, []string{"a b"}) || s.EOS != 3 || s.Pre != "qwen2" {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := must(t, s).Encode("abba<|im_end|>", true); !slices.Equal(got, []int{2, 1, 0, 3}) {
		t.Errorf("%v, expected [2 1 0 3]", got)
	}
	for _, c := range []struct{ name, vocab, merges, config, want string }{
		{"vocab", `{"a":`, merges, "{}", "folder: vocab.json: "},
		{"list", `["a"]`, merges, "{}", "folder: vocab.json: "},
		{"twice", `{"a":0,"a":1}`, merges, "{}", `folder: vocab.json: token "a" has the ids 0 and 1`},
		{"merges", vocab, "#version: 0.2\n", "{}", "folder: merges.txt has no merges"},
		{"config", vocab, merges, "[]", "folder: tokenizer_config.json: "},
		{"eos", vocab, merges, `{"eos_token":"<|end|>"}`, `folder: tokenizer_config.json: eos_token is "<|end|>"`},
	} {
		if _, err := tokenizer.FromVocabMerges("folder", []byte(c.vocab), []byte(c.merges), []byte(c.config), "qwen2"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q in it", c.name, err, c.want)
		}
	}
}

// FuzzVocabMerges: vocab.json and merges.txt are refused, or make a tokenizer whose
// ids are those of its tokens.
func FuzzVocabMerges(f *testing.F) {
	f.Add([]byte(`{"a":0,"b":1,"ab":2}`), []byte("#version: 0.2\r\na b\r\n"), []byte(`{"added_tokens_decoder":{"3":{"content":"<|im_end|>","special":true}},"eos_token":"<|im_end|>"}`), "abba<|im_end|>")
	f.Add([]byte(`{"\u0120":0,"é":1,"\u0120é":2}`), []byte("\ufeff\u0120 é\n"), []byte(`{"add_bos_token":true,"bos_token":{"content":"é"},"chat_template":[{"name":"default","template":"x"}]}`), " é")
	f.Fuzz(func(t *testing.T, vocab, merges, config []byte, text string) {
		s, err := tokenizer.FromVocabMerges("fuzz", vocab, merges, config, "qwen2")
		if err != nil {
			return
		}
		tok, err := tokenizer.New(s)
		if err != nil {
			return
		}
		for _, special := range []bool{false, true} {
			for _, id := range tok.Encode(text, special) {
				if id < 0 || id >= tok.Len() {
					t.Fatalf("id %d of %d tokens", id, tok.Len())
				}
			}
		}
	})
}
