package chat_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/chat"
	"tokenselect/engine/tokenizer"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

func builtin(t testing.TB) (*tokenizer.Tokenizer, *chat.Format) {
	t.Helper()
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.New(*ckpt.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	f, err := chat.New(tok, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok, f
}

// turns are messages of a user and a model in turns.
func turns(said ...string) []chat.Message {
	var m []chat.Message
	for i, s := range said {
		m = append(m, chat.Message{Role: []string{"user", "assistant"}[i%2], Content: s})
	}
	return m
}

// lay lays out messages that can be.
func lay(t testing.TB, f *chat.Format, messages []chat.Message) []chat.Piece {
	t.Helper()
	pieces, err := f.Conversation(messages)
	if err != nil {
		t.Fatal(err)
	}
	return pieces
}

func golden(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "golden", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatal(err)
	}
}

// TestFirstTurns lays out every question of the dense golden file and compares
// with the ids that transformers was given.
func TestFirstTurns(t *testing.T) {
	tok, f := builtin(t)
	var cases []struct {
		Name, Document, Question, Prompt string
		PromptIDs                        []int `json:"prompt_ids"`
	}
	golden(t, "transformers-q8_0.json", &cases)
	chats := 0
	for _, c := range cases {
		got := tok.Encode(c.Prompt, true)
		if c.Question != "" {
			got = f.Encode(lay(t, f, turns(c.Document+"\n\n"+c.Question)))
			chats++
		}
		if !slices.Equal(got, c.PromptIDs) {
			t.Errorf("%s: %d ids, expected %d; the first that differ: %v", c.Name, len(got), len(c.PromptIDs), firstDifference(got, c.PromptIDs))
		}
	}
	if chats < 10 {
		t.Errorf("%d questions, expected more", chats)
	}
}

// TestTurns does the same with the conversations of the selection goldens.
func TestTurns(t *testing.T) {
	var docs []struct {
		Name, Document string
		Questions      []string
	}
	golden(t, "documents.json", &docs)
	var selections struct {
		Cases []struct {
			Name  string
			Turns []struct {
				PromptIDs []int `json:"prompt_ids"`
			}
		}
	}
	golden(t, "selection-q8_0.json", &selections)
	_, f := builtin(t)
	compared := 0
	for _, c := range selections.Cases {
		for _, d := range docs {
			if d.Name != c.Name || len(d.Questions) < len(c.Turns) {
				continue
			}
			var before []string
			for i, turn := range c.Turns {
				asked := append(before, d.Questions[i])
				if i == 0 {
					asked[0] = d.Document + "\n\n" + asked[0]
				}
				pieces := lay(t, f, turns(asked...))
				got := f.Encode(pieces)
				if i > 0 {
					rest, ok := chat.After(pieces, lay(t, f, turns(before[:len(before)-1]...)), before[len(before)-1])
					if !ok {
						t.Fatalf("%s, turn %d does not begin with the turn before", c.Name, i)
					}
					got = f.Continue(before[len(before)-1], rest)
				}
				if !slices.Equal(got, turn.PromptIDs) {
					t.Errorf("%s, turn %d: %d ids, expected %d; the first that differ: %v", c.Name, i, len(got), len(turn.PromptIDs), firstDifference(got, turn.PromptIDs))
				}
				compared++
				before = append(asked, "an answer")
			}
		}
	}
	if compared < 30 {
		t.Errorf("%d turns compared, expected more than 30", compared)
	}
}

func firstDifference(a, b []int) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("%d and %d at %d", a[i], b[i], i)
		}
	}
	return "none but the length"
}

// TestAsOneString: ordinary text gives the ids of the prompt as one string, however
// its plain text is cut.
func TestAsOneString(t *testing.T) {
	tok, f := builtin(t)
	for _, text := range []string{"", " ", "\n\n", "  indented", "12 apples's", "日本\r\n ", "\n", "ends in space "} {
		for _, messages := range [][]chat.Message{append([]chat.Message{{Role: "system", Content: text}}, turns(text)...), turns(text, text, text)} {
			var whole string
			var cut []chat.Piece
			pieces := lay(t, f, messages)
			for _, p := range pieces {
				whole += p.Text
				if p.Special {
					cut = append(cut, p)
					continue
				}
				for i := range len(p.Text) {
					cut = append(cut, chat.Piece{Text: p.Text[i : i+1]})
				}
			}
			want := tok.Encode(whole, true)
			if got := f.Encode(pieces); !slices.Equal(got, want) {
				t.Errorf("%q: %v, expected %v", whole, got, want)
			}
			if got := f.Encode(cut); !slices.Equal(got, want) {
				t.Errorf("%q cut into bytes: %v, expected %v", whole, got, want)
			}
		}
	}
}

func TestBadConversations(t *testing.T) {
	_, f := builtin(t)
	for _, c := range []struct {
		messages []chat.Message
		want     string
	}{
		{nil, "no messages"},
		{[]chat.Message{{Role: "user", Content: "a"}, {Role: "tool<|im_end|>", Content: "b"}}, `message 1 has the role "tool<|im_end|>"`},
	} {
		if _, err := f.Conversation(c.messages); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, expected %q in it", c.messages, err, c.want)
		}
	}
}

func TestAfter(t *testing.T) {
	plain := func(s string) chat.Piece { return chat.Piece{Text: s} }
	mark := func(s string) chat.Piece { return chat.Piece{Text: s, Special: true} }
	whole := []chat.Piece{mark("<s>"), plain("[INST] a [/INST] b "), mark("</s>"), plain("c")}
	for _, c := range []struct {
		name      string
		beginning []chat.Piece
		said      string
		want      []chat.Piece // nil: it does not begin so
	}{
		{"inside a text", whole[:1], "[INST]", []chat.Piece{plain(" a [/INST] b "), whole[2], whole[3]}},
		{"from a text on", []chat.Piece{whole[0], plain("[INST] a [/INST]")}, " b", []chat.Piece{plain(" "), whole[2], whole[3]}},
		{"to a text's end", []chat.Piece{whole[0], plain("[INST] a [/INST]")}, " b ", whole[2:]},
		{"nothing said", whole[:3], "", whole[3:]},
		{"all of it", whole, "", []chat.Piece{}},
		{"something else said", []chat.Piece{whole[0], plain("[INST] a [/INST]")}, "b", nil},
		{"another text", []chat.Piece{whole[0], plain("[INST] x [/INST]")}, "", nil},
		{"a mark that is text", []chat.Piece{plain("<s>")}, "", nil},
		{"half a mark", []chat.Piece{mark("<s")}, "", nil},
		{"a text that goes on", []chat.Piece{whole[0], plain("[INST]"), whole[2]}, "", nil},
		{"longer", whole, "d", nil},
	} {
		got, ok := chat.After(whole, c.beginning, c.said)
		if ok != (c.want != nil) || ok && !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, expected %v", c.name, got, ok, c.want)
		}
	}
}

func ExampleFormat_Conversation() {
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		fmt.Println(err)
		return
	}
	tok, err := tokenizer.New(*ckpt.Tokenizer)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := chat.New(tok, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	pieces, err := f.Conversation([]chat.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "A document.\n\nA question?"}})
	for _, p := range pieces {
		fmt.Print(p.Text)
	}
	// Output:
	// <|im_start|>system
	// Be brief.<|im_end|>
	// <|im_start|>user
	// A document.
	//
	// A question?<|im_end|>
	// <|im_start|>assistant
}
