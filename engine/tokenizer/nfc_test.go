package tokenizer_test

import (
	"slices"
	"strings"
	"testing"

	"tokenselect/engine/tokenizer"
)

// TestNFC holds text that is composed and the same decomposed to the same ids where
// the vocabulary is of composed text, and to others where it is not.
func TestNFC(t *testing.T) {
	spec := tiny("qwen2")
	for _, c := range []struct{ composed, decomposed string }{
		{"caf\u00e9", "cafe\u0301"},
		{"\u1ec7", "e\u0323\u0302"},                        // two marks, in one order or the other
		{"\u1ec7", "e\u0302\u0323"},                        //
		{"\uac00\uac01", "\u1100\u1161\u1100\u1161\u11a8"}, // Hangul has no table
		{"\u00c5", "\u212b"},                               // the angstrom sign is a letter
		{"\ud55c a\u0302b", "\u1112\u1161\u11ab \u00e2b"},
	} {
		for _, nfc := range []bool{true, false} {
			spec.NFC = nfc
			tok, err := tokenizer.New(spec)
			if err != nil {
				t.Fatal(err)
			}
			a, b := tok.Encode(c.composed, false), tok.Encode(c.decomposed, false)
			if slices.Equal(a, b) != nfc {
				t.Errorf("NFC %v: %+q is %v, %+q is %v", nfc, c.composed, a, c.decomposed, b)
			}
		}
	}
	spec.NFC = true
	tok, err := tokenizer.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	// What is no UTF-8 stays as it is.
	if got := tok.Decode(tok.Encode("\xff\u0301\xfe", false)); got != "\xff\u0301\xfe" {
		t.Errorf("broken text comes back as %+q", got)
	}
	// Nothing is added to many marks.
	if marks := strings.Repeat("\u0323", 40); tok.Decode(tok.Encode("x"+marks, false)) != "x"+marks {
		t.Errorf("40 marks come back as %+q", tok.Decode(tok.Encode("x"+marks, false)))
	}
}
