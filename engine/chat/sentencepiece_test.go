package chat_test

import (
	"fmt"
	"testing"

	"tokenselect/engine/chat"
	"tokenselect/engine/tokenizer"
)

// pieces is a small SentencePiece vocabulary.
func pieces(t *testing.T, template string, prefix tokenizer.Prefix) *tokenizer.Tokenizer {
	t.Helper()
	s := tokenizer.Spec{Name: "a test's", Kind: tokenizer.SentencePiece, Prefix: prefix, ChatTemplate: template, AddBOS: true, BOS: 1, EOS: 2, PAD: -1, UNK: 0}
	there := map[string]bool{}
	add := func(token string, kind int32) {
		if there[token] {
			return
		}
		there[token] = true
		s.Tokens, s.Types, s.Scores = append(s.Tokens, token), append(s.Types, kind), append(s.Scores, -float32(len(s.Tokens)))
	}
	add("<unk>", 2)
	add("<s>", 3)
	add("</s>", 3)
	for b := range 256 {
		add(fmt.Sprintf("<0x%02X>", b), 6)
	}
	for _, word := range []string{"▁[INST]", "▁[/INST]", "▁Which", "▁animal", "▁A", "▁fox", "▁Whose", "▁Ada", "▁Where", "▁brief", "▁▁", "▁You"} {
		runes := []rune(word)
		for n := range runes {
			add(string(runes[:n+1]), 1)
			add(string(runes[n]), 1)
		}
	}
	tok, err := tokenizer.New(s)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestTurnByTurnSentencePiece: likewise with vocabularies that spell the space
// before a word with the word, and may put one before a text.
func TestTurnByTurnSentencePiece(t *testing.T) {
	golden := readRenderings(t)
	for _, way := range ways(t, golden.Day) {
		for _, name := range []string{"llama-2", "mistral-v0.1", "mistral-v1", "mistral-v3", "mistral-nemo", "mistral-v7", "zephyr"} {
			for _, prefix := range []tokenizer.Prefix{tokenizer.PrefixNone, tokenizer.PrefixAlways, tokenizer.PrefixMissing, tokenizer.PrefixFirst} {
				tok := pieces(t, readTemplate(t, name), prefix)
				f, err := chat.New(tok, way.compile)
				if err != nil {
					t.Fatalf("%s, %s: %v", way.name, name, err)
				}
				what := fmt.Sprintf("%s, %s, prefix %d", way.name, name, prefix)
				turnByTurn(t, what, tok, f, golden.Conversations["three turns"])
				if name == "llama-2" || name == "mistral-v1" || name == "zephyr" {
					turnByTurn(t, what, tok, f, golden.Conversations["three turns and a system message"])
				}
			}
		}
	}
}
