package tokenizer

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
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

// TestScoresByDefinition compares with SentencePiece as it is defined: of all
// neighbours those are merged whose joint spelling is the token with the highest
// score, leftmost first; it knows no words and no pairs.
func TestScoresByDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	alphabet := []string{"a", "b", "c", "é", underline}
	for range 80 {
		s := Spec{Name: "random", Kind: SentencePiece, BOS: -1, EOS: -1, PAD: -1, UNK: 0}
		add := func(text string, kind int32, score float32) {
			s.Tokens, s.Types, s.Scores = append(s.Tokens, text), append(s.Types, kind), append(s.Scores, score)
		}
		add("<unk>", typeUnknown, 0)
		for _, c := range alphabet[:3+rng.IntN(3)] { // the rest are no tokens of their own
			add(c, typeNormal, -1000)
		}
		for range 30 {
			text := ""
			for range 2 + rng.IntN(3) {
				text += alphabet[rng.IntN(len(alphabet))]
			}
			if !slices.Contains(s.Tokens, text) {
				add(text, typeNormal, float32(-rng.IntN(12)))
			}
		}
		tok, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			text := ""
			for range rng.IntN(30) {
				text += alphabet[rng.IntN(len(alphabet))]
			}
			if got, want := tok.Encode(text, false), byScores(s, text); !slices.Equal(got, want) {
				t.Fatalf("%s with tokens %q and scores %v: %v, expected %v", text, s.Tokens, s.Scores, got, want)
			}
		}
	}
}

func byScores(s Spec, text string) []int {
	parts := strings.Split(text, "")
	for {
		best, at := float32(math.Inf(-1)), -1
		for i := range len(parts) - 1 {
			if id := slices.Index(s.Tokens, parts[i]+parts[i+1]); id > 0 && s.Scores[id] > best {
				best, at = s.Scores[id], i
			}
		}
		if at < 0 {
			break
		}
		parts = slices.Replace(parts, at, at+2, parts[at]+parts[at+1])
	}
	ids := []int{}
	for _, p := range parts {
		id := max(slices.Index(s.Tokens, p), 0)
		if n := len(ids); id > 0 || n == 0 || ids[n-1] > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// FuzzScores compares the two with vocabularies and texts of whatever content.
func FuzzScores(f *testing.F) {
	f.Add("a\nb\nab\n▁\n▁a\nba", []byte{9, 9, 1, 9, 2, 1}, "ab aba x▁")
	f.Add("aa\naaa\n\xff\xffa\né", []byte{1, 1}, "aaaaaaa\xff\xffaéa")
	f.Fuzz(func(t *testing.T, tokens string, scores []byte, text string) {
		s := Spec{Name: "fuzz", Kind: SentencePiece, BOS: -1, EOS: -1, PAD: -1, UNK: 0,
			Tokens: []string{"<unk>"}, Types: []int32{typeUnknown}, Scores: []float32{0}}
		for i, token := range strings.Split(tokens, "\n") {
			if token == "" || slices.Contains(s.Tokens, token) {
				continue
			}
			score := float32(-1000)
			if i < len(scores) {
				score = -float32(scores[i])
			}
			s.Tokens, s.Types, s.Scores = append(s.Tokens, token), append(s.Types, typeNormal), append(s.Scores, score)
		}
		tok, err := New(s)
		if err != nil || len(text) > 300 || len(s.Tokens) > 300 {
			return
		}
		if got, want := tok.Encode(text, false), byScores(s, strings.ReplaceAll(text, " ", underline)); !slices.Equal(got, want) {
			t.Fatalf("%q with tokens %q and scores %v: %v, expected %v", text, s.Tokens, s.Scores, got, want)
		}
	})
}
