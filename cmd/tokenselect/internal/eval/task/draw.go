package task

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// draw is the random choices of one case.
type draw struct {
	*rand.Rand
	count func(text string) int // tokens
	seen  map[string]bool       // values that have been drawn: none comes twice
	prose func() string         // the next sentence of filler
}

func newDraw(seed uint64, name string, filler Filler, count func(string) int) *draw {
	h := fnv.New64a()
	h.Write([]byte(name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	known := map[string]int{"": 0}
	cached := func(text string) int {
		n, ok := known[text]
		if !ok {
			n = count(text)
			if len(text) < 16 || len(known) < 1<<12 { // words come again, sentences hardly
				known[text] = n
			}
		}
		return n
	}
	return &draw{Rand: rng, count: cached, seen: map[string]bool{}, prose: filler.sentences(rng)}
}

func (d *draw) pick(words []string) string { return words[d.IntN(len(words))] }

// distinct draws with f until something new comes.
func (d *draw) distinct(f func() string) string {
	for {
		if s := f(); !d.seen[s] {
			d.seen[s] = true
			return s
		}
	}
}

// number is n digits, the first of which is not 0.
func (d *draw) number(n int) string {
	return d.distinct(func() string {
		b := []byte{byte('1' + d.IntN(9))}
		for len(b) < n {
			b = append(b, byte('0'+d.IntN(10)))
		}
		return string(b)
	})
}

// key is an adjective and a noun, with a second adjective once most of those have
// been drawn.
func (d *draw) key() string {
	return d.distinct(func() string {
		s := d.pick(adjectives) + "-" + d.pick(nouns)
		if len(d.seen) > len(adjectives)*len(nouns)/2 {
			s = d.pick(adjectives) + "-" + s
		}
		return s
	})
}

// uuid is 128 random bits in the usual spelling.
func (d *draw) uuid() string {
	return d.distinct(func() string {
		hi, lo := d.Uint64(), d.Uint64()
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
	})
}

// variable is five capital letters.
func (d *draw) variable() string {
	return d.distinct(func() string {
		var b strings.Builder
		for range 5 {
			b.WriteByte(byte('A' + d.IntN(26)))
		}
		return b.String()
	})
}

func (d *draw) person() string {
	return d.distinct(func() string { return d.pick(givenNames) + " " + d.pick(familyNames) })
}

// enumerate is words as a sentence lists them: "a, b, and c", as RULER does.
func enumerate(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + ", and " + words[len(words)-1]
}
