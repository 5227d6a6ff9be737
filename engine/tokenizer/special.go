package tokenizer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// matcher finds added tokens in text. Looked for are, only at bytes with which
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

// find is the leftmost token in text from a byte on, of several there the longest:
// where it starts, its length and its id. Where there is none it starts at the end.
func (m *matcher) find(text string, from int) (at, length, id int) {
	if m.ids == nil {
		return len(text), 0, -1
	}
	for at := from; at < len(text); at++ {
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

// segment is an added token, or text in which none is looked for any more.
type segment struct {
	id      int // -1 of text
	text    string
	spelled bool // as SentencePiece spells it, with its prefix
}

// segments takes a text apart at the added tokens in it: first at those that are
// looked for in the text as it is, then at those that are in its spelling.
func (t *Tokenizer) segments(s []segment, text string) []segment {
	if t.prefixed.ids == nil {
		return t.cut(s, &t.special, text, false)
	}
	for _, part := range t.cut(nil, &t.special, text, false) {
		if part.id >= 0 {
			s = t.appendToken(s, part.id)
			continue
		}
		spelled := t.spelled(part.text, true)
		if at, _, _ := t.prefixed.find(spelled, 0); at < len(spelled) {
			s = t.cut(s, &t.prefixed, spelled, true)
		} else { // which the text of the next part may go on
			s = t.appendText(s, part.text, false)
		}
	}
	return s
}

// cut takes a text apart at the tokens of one matcher.
func (t *Tokenizer) cut(s []segment, m *matcher, text string, spelled bool) []segment {
	for from, done := 0, 0; ; {
		at, n, id := m.find(text, from)
		from = at + n
		if n > 0 && t.attributes(id)&AttrSingleWord != 0 && !alone(text, at, from) {
			continue
		}
		s = t.appendText(s, text[done:at], spelled)
		if n == 0 {
			return s
		}
		s = t.appendToken(s, id)
		done = from
	}
}

// alone tells whether no character of a word stands beside text[from:to].
func alone(text string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:from])
	after, _ := utf8.DecodeRuneInString(text[to:])
	return !(from > 0 && isWord(before)) && !(to < len(text) && isWord(after))
}

// isWord is \w of Unicode's regular expressions.
func isWord(r rune) bool {
	return r == '_' || r == '\u200c' || r == '\u200d' || unicode.IsLetter(r) || unicode.IsDigit(r) ||
		unicode.In(r, unicode.M, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic)
}

// appendText joins text to text before it, and leaves out the white space that
// belongs to a token before it.
func (t *Tokenizer) appendText(s []segment, text string, spelled bool) []segment {
	last := len(s) - 1
	if last >= 0 && s[last].id >= 0 && t.attributes(s[last].id)&AttrRStrip != 0 {
		text = strings.TrimLeftFunc(text, isSpace)
	}
	switch {
	case text == "":
	case last >= 0 && s[last].id < 0 && s[last].spelled == spelled:
		s[last].text += text
	default:
		s = append(s, segment{-1, text, spelled})
	}
	return s
}

// appendToken takes the white space that belongs to a token off the text before it.
func (t *Tokenizer) appendToken(s []segment, id int) []segment {
	if last := len(s) - 1; last >= 0 && s[last].id < 0 && t.attributes(id)&AttrLStrip != 0 {
		if s[last].text = strings.TrimRightFunc(s[last].text, isSpace); s[last].text == "" {
			s = s[:last]
		}
	}
	return append(s, segment{id: id})
}
