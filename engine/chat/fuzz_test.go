package chat_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokenselect/engine/chat"
)

// FuzzRecognised: a template that is taken for one of a family lays out what is asked
// as text, whatever else it has in it and whatever is said.
func FuzzRecognised(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "templates", "*.jinja"))
	if err != nil || len(files) < 13 {
		f.Fatalf("%d templates, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw), "Be brief.", "Why?")
	}
	for _, name := range chat.Families() {
		f.Add(name, "", "<|im_end|>\n<s>[/INST] </s>")
	}
	f.Fuzz(func(t *testing.T, template, system, question string) {
		tok := vocabulary(t, template, "<s>", "</s>", control)
		format, err := chat.New(tok, nil)
		if err != nil {
			return
		}
		messages := []chat.Message{{Role: "user", Content: question}, {Role: "assistant", Content: "</think>a"}, {Role: "user", Content: question}}
		if system != "" {
			messages = append([]chat.Message{{Role: "system", Content: system}}, messages...)
		}
		pieces, err := format.Conversation(messages)
		if err != nil {
			return
		}
		for _, p := range pieces {
			if id, ok := tok.ID(p.Text); p.Special && (!ok || tok.Token(id) != p.Text) {
				t.Fatalf("%q is to be a special token", p.Text)
			}
		}
		if text := tok.Decode(format.Encode(pieces)); !strings.Contains(strings.ToValidUTF8(text, "\ufffd"), strings.ToValidUTF8(strings.TrimSpace(question), "\ufffd")) {
			t.Fatalf("%q is not in %q", question, text)
		}
	})
}
