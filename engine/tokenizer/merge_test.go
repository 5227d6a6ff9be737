package tokenizer

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMergesByDefinition compares the heap with byte-pair encoding as it is
// defined: look through the whole word for the most urgent pair, leftmost first,
// merge it, and look again.
func TestMergesByDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 7))
	for range 60 {
		s := Spec{Name: "random", Pre: "gpt-2", BOS: -1, EOS: -1, PAD: -1, UNK: -1, Tokens: []string{"a", "b", "c"}}
		for range 40 {
			a, b := s.Tokens[rng.IntN(len(s.Tokens))], s.Tokens[rng.IntN(len(s.Tokens))]
			if !slices.Contains(s.Tokens, a+b) {
				s.Tokens = append(s.Tokens, a+b)
			}
			if m := a + " " + b; !slices.Contains(s.Merges, m) {
				s.Merges = append(s.Merges, m)
			}
		}
		tok, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			word := make([]byte, 1+rng.IntN(40))
			for i := range word {
				word[i] = 'a' + byte(rng.IntN(3))
			}
			if got, want := tok.Encode(string(word), false), byDefinition(s, string(word)); !slices.Equal(got, want) {
				t.Fatalf("%s with merges %q: %v, expected %v", word, s.Merges, got, want)
			}
		}
	}
}

func byDefinition(s Spec, word string) []int {
	var parts []string
	for i := range len(word) {
		parts = append(parts, word[i:i+1])
	}
	for {
		best, at := len(s.Merges), -1
		for i := range len(parts) - 1 {
			if rank := slices.Index(s.Merges, parts[i]+" "+parts[i+1]); rank >= 0 && rank < best {
				best, at = rank, i
			}
		}
		if at < 0 {
			break
		}
		parts = slices.Replace(parts, at, at+2, parts[at]+parts[at+1])
	}
	var ids []int
	for _, p := range parts {
		ids = append(ids, slices.Index(s.Tokens, p))
	}
	return ids
}
