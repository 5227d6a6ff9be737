// Package haystack makes long plain texts with a few facts hidden in them, to
// show and to measure who finds them.
package haystack

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Fact is a sentence of the text and a question that only it answers.
type Fact struct {
	Sentence string
	Question string
	Answer   string  // the word that a right answer holds
	Depth    float64 // where it stands, from 0 (start of the text) to 1
}

// Text is a document with facts in it, in the order in which they stand.
type Text struct {
	Document string
	Facts    []Fact
}

// New makes a document of about size tokens, as tokens counts them, with one
// fact in each of n equal parts of it. A seed gives the same text each time.
func New(seed uint64, size, n int, tokens func(string) int) Text {
	w := writer{rand.New(rand.NewPCG(seed, 1))}
	facts := w.facts(n)
	var t Text
	var b strings.Builder
	used, at := 0, make([]int, n)
	for i := range at {
		at[i] = size * i / n
		at[i] += int(w.Float64() * float64(size/n) * 0.9)
	}
	put := func(s string) {
		if b.Len() > 0 {
			s = " " + s
		}
		b.WriteString(s)
		used += tokens(s)
	}
	for used < size || len(t.Facts) < n {
		if i := len(t.Facts); i < n && used >= at[i] {
			facts[i].Depth = float64(used) / float64(size)
			put(facts[i].Sentence)
			t.Facts = append(t.Facts, facts[i])
			continue
		}
		put(w.sentence())
	}
	t.Document = b.String()
	return t
}

// Right tells whether an answer holds the fact's word.
func (f Fact) Right(answer string) bool {
	for _, word := range strings.FieldsFunc(answer, func(r rune) bool { return !isLetter(r) }) {
		if strings.EqualFold(word, f.Answer) {
			return true
		}
	}
	return false
}

func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

type writer struct{ *rand.Rand }

func (w writer) pick(words []string) string { return words[w.IntN(len(words))] }

// facts are about different people, each of another kind until the kinds run
// out.
func (w writer) facts(n int) []Fact {
	kinds := w.Perm(len(templates))
	given, family := w.Perm(len(givenNames)), w.Perm(len(familyNames))
	facts := make([]Fact, n)
	for i := range facts {
		t := templates[kinds[i%len(kinds)]]
		who := givenNames[given[i%len(given)]] + " " + familyNames[family[i%len(family)]]
		what := w.pick(t.values)
		facts[i] = Fact{Sentence: fmt.Sprintf(t.told, who, what), Question: fmt.Sprintf(t.asked, who), Answer: what}
	}
	return facts
}

// sentence is one of the hay: it names trades, places, animals and things, as
// the facts do, but never a person of a fact.
func (w writer) sentence() string {
	adj, trade, city, animal, thing := w.pick(adjectives), w.pick(trades), w.pick(cities), w.pick(animals), w.pick(things)
	switch w.IntN(10) {
	case 0:
		return fmt.Sprintf("The %s of %s mended a %s before the rain came.", trade, city, thing)
	case 1:
		return fmt.Sprintf("All night the wind blew over %s and rattled every %s in the street.", city, thing)
	case 2:
		return fmt.Sprintf("On market day the %s asked twice for the %s %s and went away without it.", trade, adj, thing)
	case 3:
		return fmt.Sprintf("They said in %s that the winter had been %s and the summer short.", city, adj)
	case 4:
		return fmt.Sprintf("A %s %s crossed the road near the bridge and was not seen again.", adj, animal)
	case 5:
		return fmt.Sprintf("The road to %s was %s, and the %s walked it slowly.", city, adj, trade)
	case 6:
		return fmt.Sprintf("Nobody remembered who had left the %s by the well.", thing)
	case 7:
		return fmt.Sprintf("Behind the old mill a %s slept in the %s grass.", animal, adj)
	case 8:
		return fmt.Sprintf("The letter from %s spoke of a %s harvest and of little else.", city, adj)
	}
	return fmt.Sprintf("In the evening the %s lit a lamp and counted the money of the day.", trade)
}
