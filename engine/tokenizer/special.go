package tokenizer

import "slices"

// matcher finds special tokens in text. Looked for are, only at bytes with which
// some token begins, the lengths that tokens with this first byte have, so that
// neither the number of tokens nor the length of the text makes it slow.
type matcher struct {
	ids     map[string]int
	lengths [256][]int // by first byte, the longest first
}

// add takes a token in; an empty one would match everywhere and is left out.
func (m *matcher) add(text string, id int) {
	if text == "" {
		return
	}
	if m.ids == nil {
		m.ids = map[string]int{}
	}
	m.ids[text] = id
	l := &m.lengths[text[0]]
	if at, found := slices.BinarySearchFunc(*l, len(text), func(a, b int) int { return b - a }); !found {
		*l = slices.Insert(*l, at, len(text))
	}
}

// find is the leftmost token in text, of several there the longest: where it
// starts, its length and its id. Where there is none it starts at the end.
func (m *matcher) find(text string) (at, length, id int) {
	if m.ids == nil {
		return len(text), 0, -1
	}
	for at := range len(text) {
		for _, n := range m.lengths[text[at]] {
			if n > len(text)-at {
				continue
			}
			if id, ok := m.ids[text[at:at+n]]; ok {
				return at, n, id
			}
		}
	}
	return len(text), 0, -1
}
