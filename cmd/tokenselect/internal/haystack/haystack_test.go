package haystack

import (
	"strings"
	"testing"
)

// words counts words, for want of a tokenizer.
func words(s string) int { return len(strings.Fields(s)) }

func TestNew(t *testing.T) {
	a, b := New(1, 3000, 5, words), New(1, 3000, 5, words)
	if a.Document != b.Document {
		t.Error("one seed gave two texts")
	}
	if other := New(2, 3000, 5, words); other.Document == a.Document {
		t.Error("two seeds gave one text")
	}
	if n := words(a.Document); n < 3000 || n > 3050 {
		t.Errorf("%d words, expected about 3000", n)
	}
	if len(a.Facts) != 5 {
		t.Fatalf("%d facts, expected 5", len(a.Facts))
	}
	last := -1
	for i, f := range a.Facts {
		at := strings.Index(a.Document, f.Sentence)
		if at <= last {
			t.Errorf("fact %d stands at %d, the one before it at %d", i, at, last)
		}
		last = at
		if strings.Count(a.Document, f.Sentence) != 1 {
			t.Errorf("fact %d stands %d times", i, strings.Count(a.Document, f.Sentence))
		}
		if f.Depth < float64(i)/5 || f.Depth > float64(i+1)/5+0.01 {
			t.Errorf("fact %d at depth %.2f, expected within part %d of 5", i, f.Depth, i)
		}
		if !f.Right("I think "+strings.ToUpper(f.Answer)+".") || f.Right("no idea") || f.Right(f.Answer+"s") {
			t.Errorf("fact %d: answers with %q are told wrong", i, f.Answer)
		}
	}
}
