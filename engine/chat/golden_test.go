package chat_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/chat"
	"tokenselect/engine/tokenizer"
)

// renderings is what an implementation of Jinja that has nothing to do with ours
// renders: testdata/README.md says how it is made.
type renderings struct {
	Day           string
	Conversations map[string][]chat.Message
	Templates     map[string]struct {
		BOS, EOS string
		Rendered map[string]*string // null: the template refuses the conversation
	}
	Spaces map[string]string // what templates of white space make of the conversation "three turns"
}

func readRenderings(t *testing.T) (r renderings) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "renderings.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func readTemplate(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "templates", name+".jinja"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// control are special tokens of all families, those of Mistral's later models
// left out: for earlier ones they are text.
var control = []string{"<s>", "</s>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}

// later are those of Mistral's later models.
var later = []string{"[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"}

// vocabulary is one of all bytes and some tokens more, <think> and </think> among
// them, which are no control tokens.
func vocabulary(t testing.TB, template, bos, eos string, control []string) *tokenizer.Tokenizer {
	t.Helper()
	s := tokenizer.Spec{Name: "a test's", Pre: "gpt-2", BOS: -1, EOS: -1, PAD: -1, UNK: -1, Merges: []string{"a b"}, ChatTemplate: template}
	add := func(token string, kind int32) {
		s.Tokens, s.Types = append(s.Tokens, token), append(s.Types, kind)
	}
	for b := range 256 {
		// As GPT-2 spells bytes: those that are not printed are moved up.
		if r := rune(b); r > ' ' && r < 0x7f || r > 0xa0 && r != 0xad {
			add(string(r), 1)
		}
	}
	for i := range 256 - len(s.Tokens) {
		add(string(rune(256+i)), 1)
	}
	add("ab", 1)
	for _, token := range control {
		switch token {
		case bos:
			s.BOS = len(s.Tokens)
		case eos:
			s.EOS = len(s.Tokens)
		}
		add(token, 3)
	}
	add("<think>", 4)
	add("</think>", 4)
	tok, err := tokenizer.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func join(pieces []chat.Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.Text)
	}
	return b.String()
}

func specials(pieces []chat.Piece) (all []string) {
	for _, p := range pieces {
		if p.Special {
			all = append(all, p.Text)
		}
	}
	return all
}

// TestRenderings: templates that are run, and those that are recognised, give what
// the other implementation gives.
func TestRenderings(t *testing.T) {
	golden := readRenderings(t)
	if len(golden.Templates) < 13 || len(golden.Conversations) < 12 {
		t.Fatalf("%d templates and %d conversations, expected more", len(golden.Templates), len(golden.Conversations))
	}
	for _, way := range ways(t, golden.Day) {
		for name, template := range golden.Templates {
			text := readTemplate(t, name)
			if !way.runs {
				// The day is today for whoever recognises a template.
				text = strings.ReplaceAll(text, `strftime_now("%d %b %Y")`, `"`+golden.Day+`"`)
			}
			special := control
			if strings.HasPrefix(name, "mistral-v3") || strings.HasPrefix(name, "mistral-nemo") || strings.HasPrefix(name, "mistral-v7") {
				special = append(control[:len(control):len(control)], later...)
			}
			f, err := chat.New(vocabulary(t, text, template.BOS, template.EOS, special), way.compile)
			if err != nil {
				t.Errorf("%s, %s: %v", way.name, name, err)
				continue
			}
			for what, messages := range golden.Conversations {
				pieces, err := f.Conversation(messages)
				want := template.Rendered[what]
				told := want != nil && (messages[0].Role != "system" || strings.Contains(*want, strings.TrimSpace(messages[0].Content)))
				switch {
				case !told && err == nil:
					t.Errorf("%s, %s, %s: %q, expected an error", way.name, name, what, join(pieces))
				case told && err != nil:
					t.Errorf("%s, %s, %s: %v", way.name, name, what, err)
				case told && join(pieces) != *want:
					t.Errorf("%s, %s, %s:\n%q, expected\n%q", way.name, name, what, join(pieces), *want)
				}
			}
		}
	}
}

// TestSaidIsText: what is said becomes no special token, wherever it stands, and
// the special tokens that there are are those of any conversation of this shape.
func TestSaidIsText(t *testing.T) {
	golden := readRenderings(t)
	marks := strings.Join(append(append([]string{"a", "</think>x", "\ue000"}, control...), later...), "")
	for _, way := range ways(t, golden.Day) {
		for name, template := range golden.Templates {
			f, err := chat.New(vocabulary(t, readTemplate(t, name), template.BOS, template.EOS, append(control[:len(control):len(control)], later...)), way.compile)
			if err != nil {
				t.Errorf("%s, %s: %v", way.name, name, err)
				continue
			}
			for _, n := range []int{1, 3, 5} {
				said := make([]string, n)
				harmless := specials(lay(t, f, turns(said...)))
				for i := range said {
					said[i] = marks
				}
				if got := specials(lay(t, f, turns(said...))); len(got) == 0 || !slices.Equal(got, harmless) {
					t.Errorf("%s, %s, %d turns: special tokens %q, expected %q", way.name, name, n, got, harmless)
				}
			}
		}
	}
}

// TestEnds: the token that a template sets after an answer ends one.
func TestEnds(t *testing.T) {
	golden := readRenderings(t)
	for _, way := range ways(t, golden.Day) {
		for name, template := range golden.Templates {
			want := "</s>"
			switch {
			case strings.HasPrefix(name, "llama-3"):
				want = "<|eot_id|>"
			case !strings.HasPrefix(name, "mistral") && name != "llama-2" && name != "zephyr":
				want = "<|im_end|>"
			}
			tok := vocabulary(t, readTemplate(t, name), template.BOS, template.EOS, control)
			f, err := chat.New(tok, way.compile)
			if err != nil {
				t.Errorf("%s, %s: %v", way.name, name, err)
				continue
			}
			for id := range tok.Len() {
				if f.IsEnd(id) != (tok.Token(id) == want) {
					t.Errorf("%s, %s: %q ends an answer: %v, expected %q to", way.name, name, tok.Token(id), f.IsEnd(id), want)
				}
			}
		}
	}
}

// TestBOS: a text begins once, whoever says that it does.
func TestBOS(t *testing.T) {
	for _, c := range []struct {
		name, template string
		adds           bool
		want           int // tokens that begin a text, at its start
	}{
		{"the template writes it", "llama-3", false, 1},
		{"both do", "llama-3", true, 1},
		{"the vocabulary wants it", "chatml", true, 1},
		{"nobody does", "chatml", false, 0},
	} {
		for _, way := range ways(t, "") {
			spec := vocabulary(t, readTemplate(t, c.template), "<|begin_of_text|>", "<|eot_id|>", control).Spec()
			spec.AddBOS = c.adds
			tok, err := tokenizer.New(spec)
			if err != nil {
				t.Fatal(err)
			}
			f, err := chat.New(tok, way.compile)
			if err != nil {
				t.Fatal(err)
			}
			ids, n := f.Encode(lay(t, f, turns("a<|begin_of_text|>"))), 0
			for n < len(ids) && ids[n] == spec.BOS {
				n++
			}
			if n != c.want || slices.Contains(ids[n:], spec.BOS) {
				t.Errorf("%s, %s: %d at the start, expected %d and none later: %v", way.name, c.name, n, c.want, ids)
			}
		}
	}
}

// TestNames: a family's name stands for its template, and a vocabulary without a
// template for the family that its tokens are of.
func TestNames(t *testing.T) {
	golden := readRenderings(t)
	for _, c := range []struct{ name, template string }{
		{"chatml", "chatml"}, {"llama2", "llama-2"}, {"llama3", "llama-3"}, {"mistral", "mistral-v1"}, {"zephyr", "zephyr"},
	} {
		template := golden.Templates[c.template]
		f, err := chat.New(vocabulary(t, c.name, template.BOS, template.EOS, control), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for what, want := range template.Rendered {
			if what == "a system message alone" || want == nil {
				continue
			}
			if got := join(lay(t, f, golden.Conversations[what])); got != *want {
				t.Errorf("%s, %s: %q, expected %q", c.name, what, got, *want)
			}
		}
	}
	for _, c := range []struct {
		control []string
		want    string
	}{
		{control[3:5], "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"},
		{control[6:], "<|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
	} {
		f, err := chat.New(vocabulary(t, "", "", "", c.control), nil)
		if err != nil {
			t.Errorf("%q: %v", c.control, err)
		} else if got := join(lay(t, f, turns("a"))); got != c.want {
			t.Errorf("%q: %q, expected %q", c.control, got, c.want)
		}
	}
}

// TestUnknown: what is only like a family's template is not taken for it, and what
// is not known is said.
func TestUnknown(t *testing.T) {
	change := func(name, from, to string) string {
		text := readTemplate(t, name)
		if !strings.Contains(text, from) {
			t.Fatalf("%s has no %q", name, from)
		}
		return strings.ReplaceAll(text, from, to)
	}
	for _, template := range []string{
		"", "{{ messages }}", "alpaca",
		change("chatml", "message['role'] + '\n'", "message['role'] + '<|im_sep|>'"),
		change("chatml", "message['content']", "message['content'] | trim"),
		change("qwen3", "{{- '<|im_start|>assistant\\n' }}", "{{- '<|im_start|>assistant\\n<think>\\n' }}"),
		change("llama-3", " | trim", ""),
		change("llama-3.2", "Today Date: ", "It is "),
		change("llama-2", "content.strip()", "content"),
		change("mistral-v1", "' ' + message", "'-' + message"),
		change("mistral-v0.1", "'[INST] '", "'[INST]\n'"),
		change("zephyr", "eos_token }}", "'<|end|>' }}"),
	} {
		_, err := chat.New(vocabulary(t, template, "<s>", "</s>", control[:3]), nil)
		if !errors.Is(err, chat.ErrUnknown) || !strings.Contains(err.Error(), "chatml, llama2, llama3, mistral, zephyr") {
			t.Errorf("%.80q: %v, expected that it is not known, and what is", template, err)
		}
	}
}

// turnByTurn compares a conversation that is read turn by turn, each answer in the
// tokens that it has there, with the same laid out whole.
func turnByTurn(t *testing.T, name string, tok *tokenizer.Tokenizer, f *chat.Format, messages []chat.Message) {
	t.Helper()
	first := 1
	if messages[0].Role == "system" {
		first = 2
	}
	pieces := lay(t, f, messages[:first])
	ids := f.Encode(pieces)
	for n := first; n < len(messages); n += 2 {
		next := lay(t, f, messages[:n+2])
		whole := f.Encode(next)
		if !slices.Equal(whole[:min(len(ids), len(whole))], ids) {
			t.Errorf("%s: %v, expected to begin with %v", name, whole, ids)
			return
		}
		// The answer goes up to what ends it.
		end := len(ids)
		for end < len(whole) && !f.IsEnd(whole[end]) {
			end++
		}
		said := whole[len(ids):end]
		for len(said) > 0 && string(tok.DecodeBytes(said[len(said)-1:])) == " " {
			said = said[:len(said)-1] // the format's own space
		}
		rest, ok := chat.After(next, pieces, string(tok.DecodeBytes(said)))
		if !ok {
			t.Errorf("%s: %q does not go on %q and %q", name, join(next), join(pieces), tok.DecodeBytes(said))
			return
		}
		ids = slices.Concat(ids, said, f.Continue(string(tok.DecodeBytes(said)), rest))
		if !slices.Equal(ids, whole) {
			t.Errorf("%s, turn by turn:\n%v, whole\n%v", name, ids, whole)
			return
		}
		pieces = next
	}
}

// TestTurnByTurn: what is read turn by turn is the conversation as a whole.
func TestTurnByTurn(t *testing.T) {
	golden := readRenderings(t)
	for _, way := range ways(t, golden.Day) {
		for name, template := range golden.Templates {
			tok := vocabulary(t, readTemplate(t, name), template.BOS, template.EOS, control)
			f, err := chat.New(tok, way.compile)
			if err != nil {
				t.Fatalf("%s, %s: %v", way.name, name, err)
			}
			turnByTurn(t, way.name+", "+name, tok, f, golden.Conversations["three turns"])
			if template.Rendered["three turns and a system message"] != nil && name != "mistral-v3" && name != "mistral-nemo" { // where it moves
				turnByTurn(t, way.name+", "+name, tok, f, golden.Conversations["three turns and a system message"])
			}
		}
	}
}
