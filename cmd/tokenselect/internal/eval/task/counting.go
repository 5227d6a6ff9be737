package task

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// mathFind strews numbers over prose and asks for one by its rank.
func mathFind(d *draw, room int) Case {
	const most = 40
	var needles []needle
	var values []int
	text := func(v int) string { return fmt.Sprintf("A number on the list is %d.", v) }
	for used := 0; len(values) < most && (len(values) < 4 || used < room/2); {
		v, _ := strconv.Atoi(d.number(4))
		values = append(values, v)
		used += d.count(" " + text(v))
	}
	sorted := slices.Sorted(slices.Values(values))
	ranks := []struct {
		name string
		at   int
	}{{"largest", len(sorted) - 1}, {"smallest", 0}, {"second largest", len(sorted) - 2}, {"second smallest", 1}}
	rank := ranks[d.IntN(len(ranks))]
	for _, v := range values {
		needles = append(needles, needle{text(v), v == sorted[rank.at]})
	}
	c := Case{
		Question: fmt.Sprintf("What is the %s number on the list?", rank.name),
		Reply:    fmt.Sprintf("The %s number is %d.", rank.name, sorted[rank.at]),
		Answers:  []string{strconv.Itoa(sorted[rank.at])},
	}
	c.Document, c.Needles = d.lay(plan{needles: needles, fill: d.prose, sep: " "}, room)
	return c
}

// commonWords is a list in which few words stand ten times as often as each of the
// others, at any length: RULER's 30 times and 3 at the lengths for which there are
// words enough, more of both beyond.
func commonWords(d *draw, room int) Case {
	const top, ratio = 4, 10
	pool := d.vocabulary()
	return d.list(pool, top, room, func(n int) []int {
		rare := max(1, min(3, n/(2*top*ratio))) // times that a rare word stands
		kinds := min(n/rare-top*ratio, len(pool)-top)
		if kinds == len(pool)-top {
			rare = n / (kinds + top*ratio)
		}
		times := make([]int, top+max(kinds, 0))
		for i := range times {
			times[i] = rare
			if i < top {
				times[i] = rare * ratio
			}
		}
		for i := range min(n-rare*(kinds+top*ratio), kinds) { // what is left over
			times[top+i]++
		}
		return times
	})
}

// frequentWords is a list in which the word of rank r stands in proportion to
// 1/r^2, RULER's Zeta distribution with its default exponent.
func frequentWords(d *draw, room int) Case {
	const top = 3
	pool := d.vocabulary()
	return d.list(pool, top, room, func(n int) []int {
		var times []int
		for left := n; left > 0 && len(times) < len(pool); {
			r := float64(len(times) + 1)
			t := min(left, max(1, int(float64(n)/(r*r*math.Pi*math.Pi/6))))
			times = append(times, t)
			left -= t
		}
		return times
	})
}

// vocabulary is the words of lists in random order.
func (d *draw) vocabulary() []string {
	pool := slices.Concat(adjectives, nouns)
	d.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	return pool
}

// list is a list of words that fills room tokens, of which the first top of pool
// are asked for. spread tells how often each word of pool stands in a list of
// about n words.
func (d *draw) list(pool []string, top, room int, spread func(n int) []int) Case {
	const head = "Below is a list of words."
	tokens := func(n int) int {
		sum := d.count(head)
		for i, t := range spread(n) {
			sum += t * d.count(" "+pool[i])
		}
		return sum
	}
	n := max(20, sort.Search(room, func(n int) bool { return tokens(n+1) > room }))
	times := spread(n)
	var words []string
	for i, t := range times {
		for range t {
			words = append(words, pool[i])
		}
	}
	d.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	answers := slices.Clone(pool[:top])
	var b strings.Builder
	b.WriteString(head)
	var spans []Span
	for _, w := range words {
		b.WriteByte(' ')
		if slices.Contains(answers, w) {
			spans = append(spans, Span{b.Len(), b.Len() + len(w)})
		}
		b.WriteString(w)
	}
	return Case{
		Document: b.String(),
		Question: fmt.Sprintf("Which %d words appear most often in the list?", top),
		Reply:    "The most common words are: " + strings.Join(answers, ", ") + ".",
		Answers:  answers,
		Needles:  spans,
	}
}
