// Package task makes long documents with questions of which the answers are
// known: RULER's tasks (arXiv 2404.06654), InfiniteBench's retrieval tasks
// (arXiv 2402.13718) and facts about people, at any length, in the phrasings that
// the built-in model was trained on. All values are drawn at random, so that an
// answer can come from the document only.
package task

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// Span is a piece of a document, in bytes.
type Span struct{ Start, End int }

// Case is a document and a question about it.
type Case struct {
	Document string
	Question string
	Answers  []string // what a right reply holds, all of it
	Reply    string   // a right reply, as the built-in model was trained to word it
	Needles  []Span   // where in the document the answers stand, in order
}

// Task is a kind of case.
type Task struct {
	Name  string
	About string // in one line
	build func(d *draw, room int) Case
}

// tasks are in the order in which tables show them.
var tasks = []Task{
	{"passkey", "InfiniteBench Retr.PassKey: a pass key of 5 digits", passkey},
	{"number", "InfiniteBench Retr.Number: a sequence of 10 digits, among five sentences that repeat", digits},
	{"keyvalue", "InfiniteBench Retr.KV: the value of one key of a JSON object of uuids", keyValue},
	{"mathfind", "InfiniteBench Math.Find: the largest, smallest, ... of numbers strewn over the text; the built-in model was not trained for it", mathFind},
	{"single", "RULER: one magic number", single},
	{"multikey1", "RULER: one magic number of four", multiKey1},
	{"multikey2", "RULER: one magic number in a text of nothing else", multiKey2},
	{"multikey3", "RULER: the same with uuids for keys and values", multiKey3},
	{"multivalue", "RULER: all four magic numbers of one key", multiValue},
	{"multiquery", "RULER: the magic numbers of four keys", multiQuery},
	{"variables", "RULER: the variables that hold a value, one assigned to the next", variables},
	{"common", "RULER: the words that stand ten times as often as others in a list", commonWords},
	{"frequent", "RULER: the three most frequent words where frequency falls with the square of the rank", frequentWords},
	{"facts", "one of eight facts about people, asked in other words than it was told in", facts},
}

// All lists the tasks.
func All() []Task { return slices.Clone(tasks) }

// Named is the task of that name.
func Named(name string) (Task, error) {
	var names []string
	for _, t := range tasks {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Task{}, fmt.Errorf("task %q, expected of %s", name, strings.Join(names, ", "))
}

// Measure counts tokens.
type Measure struct {
	Text   func(text string) int               // of a piece of text
	Prompt func(document, question string) int // of a whole prompt
}

// Generate makes a case whose prompt has at most size tokens, and fewer only by
// about what a piece of text more would have taken. A seed gives the same case each
// time.
func (t Task) Generate(seed uint64, size int, filler Filler, m Measure) (Case, error) {
	var best Case
	most, room := 0, size
	for try := 0; try < 4 || most == 0; try++ {
		if room < 1 {
			return Case{}, fmt.Errorf("task %s does not fit into %d tokens", t.Name, size)
		}
		c := t.build(newDraw(seed, t.Name, filler, m.Text), room)
		used := m.Prompt(c.Document, c.Question)
		if used <= size && used > most {
			best, most = c, used
		}
		if used <= size && size-used <= max(32, size/400) {
			break
		}
		// Pieces side by side may be fewer tokens than one by one, or more.
		room += size - used
	}
	return best, nil
}

// Seed is the seed of case i of a task at a length, in a series of its own for
// each base.
func Seed(base uint64, name string, length, i int) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d %d", base, name, length, i)
	return h.Sum64()
}

// needle is a sentence that is hidden in a document.
type needle struct {
	text  string
	asked bool // the answer stands in it
}

// plan is what a document is made of.
type plan struct {
	head    string   // what it begins with, if anything
	needles []needle // in the order of the text
	fill    func() string
	sep     string // between pieces
	foot    string // what it ends with
}

// lay fills room tokens: needles at random places among pieces of fill.
func (d *draw) lay(p plan, room int) (document string, asked []Span) {
	used := d.count(p.head) + d.count(p.foot)
	for _, n := range p.needles {
		used += d.count(p.sep + n.text)
	}
	var fill []string
	for misses := 0; misses < 3; { // a shorter piece may still fit
		piece := p.fill()
		n := d.count(p.sep + piece)
		if used+n > room {
			misses++
			continue
		}
		used += n
		fill = append(fill, piece)
	}
	at := make([]int, len(p.needles)) // pieces of fill before each needle
	for i := range at {
		at[i] = d.IntN(len(fill) + 1)
	}
	slices.Sort(at)
	var b strings.Builder
	b.WriteString(p.head)
	first := true
	put := func(s string) (start int) {
		if !first {
			b.WriteString(p.sep)
		}
		first = false
		start = b.Len()
		b.WriteString(s)
		return start
	}
	next := 0
	for i := 0; i <= len(fill); i++ {
		for ; next < len(at) && at[next] == i; next++ {
			n := p.needles[next]
			start := put(n.text)
			if n.asked {
				asked = append(asked, Span{start, start + len(n.text)})
			}
		}
		if i < len(fill) {
			put(fill[i])
		}
	}
	b.WriteString(p.foot)
	return b.String(), asked
}
