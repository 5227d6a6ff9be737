package grammar

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// words is a vocabulary; the empty word is an end token.
type words []string

func (w words) Len() int            { return len(w) }
func (w words) Bytes(id int) []byte { return []byte(w[id]) }
func (w words) IsEnd(id int) bool   { return w[id] == "" }
func (w words) LeadingSpace() bool  { return w[0] == " " }

// allBytes is every byte, an end token at first, and more words.
func allBytes(more ...string) words {
	w := words{""}
	for b := range 256 {
		w = append(w, string([]byte{byte(b)}))
	}
	return append(w, more...)
}

// usual are tokens as a tokenizer learns them: across the structure of JSON, in
// the middle of characters, several of the same bytes.
var usual = []string{`{"`, `":`, `": "`, `", "`, `"}`, `"]}`, `]}`, "},", "}]", "[[", `["`, "\n ", "\n    ", "true", "false", "null", "nul", "se,", "12", "-1",
	".5", "e+", "00", "000", "0.", "abc", "name", "na", "ab", "the ", " quick", "a", "é", "\u00c3"[:1], "\xa9z", "日", "日本", "\xe6\x97", "本\"", "🦊", "\xf0\x9f", "x\"", "\\n",
	"\\u", "\\u00", "\\\"", "aaa", "aaaaaaaa", "  ", "\t", "zz", "-02-", "2024", "Z\"", "1.", "\"id", "\"tag\":"}

func must(t testing.TB, v *Vocabulary, schema string) *Grammar {
	t.Helper()
	g, err := v.Schema([]byte(schema))
	if err != nil {
		t.Fatalf("%.300s: %v", schema, err)
	}
	return g
}

// reads tells whether a text can be written byte by byte, and is complete then.
// The mask is asked before each byte.
func reads(g *Grammar, text string) error {
	m := g.Start()
	for i := range len(text) {
		id := 1 + int(text[i])
		mask := m.Allowed()
		if err := m.Took(id); err != nil {
			return fmt.Errorf("%q behind %q: %w", text[i], text[:i], err)
		}
		if mask[id>>6]>>(id&63)&1 == 0 {
			return fmt.Errorf("%q behind %q was taken, and is not in the mask", text[i], text[:i])
		}
	}
	if end := m.Allowed()[0]&1 != 0; end != m.Complete() {
		return fmt.Errorf("%q: complete: %v, the end token allowed: %v", text, m.Complete(), end)
	}
	if !m.Complete() {
		return fmt.Errorf("%q: more has to come", text)
	}
	return nil
}

// choose is one of the tokens allowed: any, or one that comes to an end.
func choose(r *rand.Rand, w words, mask []uint64, hurry bool) int {
	var ids, closing []int
	for id := range w {
		if mask[id>>6]>>(id&63)&1 != 0 {
			ids = append(ids, id)
			switch w[id] {
			case "", `"`, "}", "]", `"}`, "]}", "}]":
				closing = append(closing, id)
			}
		}
	}
	if len(closing) > 0 && (hurry || r.IntN(4) == 0) {
		return closing[r.IntN(len(closing))]
	}
	return ids[r.IntN(len(ids))]
}
