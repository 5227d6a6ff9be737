package pool

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestCutter: however a text is cut into pieces, what is told is the text before
// the first stop string that is complete, and nothing is held back that cannot be one.
func TestCutter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("ab\n"[rng.IntN(3)])
		}
		return b.String()
	}
	for range 20000 {
		text := word(rng.IntN(12))
		var stops []string
		for range rng.IntN(3) {
			stops = append(stops, word(1+rng.IntN(4)))
		}
		want, found, ended := text, false, 0
		for end := range len(text) + 1 {
			for _, s := range stops {
				if start := end - len(s); strings.HasSuffix(text[:end], s) && (!found || start < len(want)) && (!found || end == ended) {
					want, found, ended = text[:start], true, end
				}
			}
		}
		c, got, over := newCutter(stops), "", false
		for rest := text; rest != "" && !over; {
			n := 1 + rng.IntN(len(rest))
			var piece string
			piece, over = c.push(rest[:n])
			got, rest = got+piece, rest[n:]
			for _, s := range stops {
				if strings.Contains(got, s) {
					t.Fatalf("%q with %q: %q was told", text, stops, got)
				}
			}
		}
		if !over {
			got += c.flush()
		}
		if got != want || over != found {
			t.Fatalf("%q with %q: %q (%v), expected %q (%v)", text, stops, got, over, want, found)
		}
	}
	if text, _ := newCutter([]string{"zz"}).push("plain"); text != "plain" {
		t.Errorf("%q was held back", text)
	}
}
