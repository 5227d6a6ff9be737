package session

import (
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"tokenselect/engine/tokenizer"
	"tokenselect/engine/trace"
)

// Rows is where a document's tokens are in the cache: token i is row First+i and
// the next Lens[i] UTF-16 code units of the document. A character of several
// tokens belongs to its last; what surrounds the document in the first and the
// last token does not count.
type Rows struct {
	First int
	Lens  []int
}

// Layout is what the rows of a conversation hold when a question is about to be read.
type Layout struct {
	Document *Rows           // nil: there is none, or its tokens do not spell it
	Around   []trace.RowText // the rows outside of it, in order
}

// around is the text of all rows outside of the document, up to those of a prompt
// that is about to be read. A character of several tokens belongs to its last.
func (c *Conversation) around(prompt []int) []trace.RowText {
	var rows []trace.RowText
	ids, from, to := []int{}, 0, 0
	for _, t := range c.turns {
		ids = slices.Concat(ids, t.prompt, t.answer)
	}
	if c.laid != nil {
		from, to = c.laid.First, c.laid.First+len(c.laid.Lens)
	}
	stream := c.m.Tokenizer.Stream()
	for row, id := range slices.Concat(ids, prompt) {
		text := stream.Push(id)
		if row < from || row >= to {
			rows = append(rows, trace.RowText{Row: row, Text: text})
		}
	}
	return rows
}

// locate finds the document in a prompt that holds it. Nil where the tokens do
// not spell it, as after a normalisation of the text.
func locate(tok *tokenizer.Tokenizer, ids []int, document string) *Rows {
	document = strings.TrimRight(document, "\r\n")
	start := strings.Index(string(tok.DecodeBytes(ids)), document)
	if document == "" || start < 0 {
		return nil
	}
	rows := Rows{First: -1}
	at, end, told := 0, start+len(document), start // told: bytes of the text whose units have been counted
	for i, id := range ids {
		at += len(tok.DecodeBytes([]int{id}))
		if at <= start {
			continue
		}
		if rows.First < 0 {
			rows.First = i
		}
		units := 0
		for told < min(at, end) {
			r, size := utf8.DecodeRuneInString(document[told-start:])
			if told+size > at {
				break
			}
			units += max(1, utf16.RuneLen(r))
			told += size
		}
		rows.Lens = append(rows.Lens, units)
		if at >= end {
			break
		}
	}
	return &rows
}
