package task

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
)

// Filler is what needles are hidden in. The zero value is generated prose.
type Filler struct{ text []string }

// FillerOf is the sentences of a text, for filler that somebody wrote.
func FillerOf(text string) (Filler, error) {
	var f Filler
	var sentence []string
	for _, word := range strings.Fields(text) {
		sentence = append(sentence, word)
		end := strings.TrimRightFunc(word, func(r rune) bool { return unicode.Is(unicode.Pf, r) || strings.ContainsRune(`"')]`, r) })
		if strings.HasSuffix(end, ".") || strings.HasSuffix(end, "!") || strings.HasSuffix(end, "?") || len(sentence) == 60 {
			f.text = append(f.text, strings.Join(sentence, " "))
			sentence = nil
		}
	}
	if len(f.text) < 20 {
		return f, fmt.Errorf("a text of %d sentences, expected at least 20", len(f.text))
	}
	return f, nil
}

// sentences hands out filler: prose without end, or the text from a random place on
// and over again.
func (f Filler) sentences(rng *rand.Rand) func() string {
	if f.text == nil {
		return newProse(rng).sentence
	}
	at := rng.IntN(len(f.text))
	return func() string {
		at = (at + 1) % len(f.text)
		return f.text[at]
	}
}

// chorus is a few sentences that come again and again in the same order.
func (d *draw) chorus() func() string {
	var lines []string
	for range 5 {
		lines = append(lines, d.prose())
	}
	i := -1
	return func() string {
		i++
		return lines[i%len(lines)]
	}
}
