// Package chat lays out conversations as a model was trained to read them.
package chat

import (
	"fmt"
	"strings"

	"tokenselect/engine/tokenizer"
)

// Piece is a part of a prompt: a special token, or text in which special tokens
// are not looked for.
type Piece struct {
	Text    string
	Special bool
}

// Format is a way to lay out a conversation. The only one is ChatML.
type Format struct {
	start, end string // special tokens around a turn
}

// The special tokens of ChatML.
const (
	imStart = "<|im_start|>"
	imEnd   = "<|im_end|>"
)

// Recognise finds the format of a model from its chat template (in Jinja), or
// without one from its vocabulary.
func Recognise(template string, vocabulary interface{ ID(string) (int, bool) }) (Format, error) {
	_, start := vocabulary.ID(imStart)
	_, end := vocabulary.ID(imEnd)
	switch {
	case template != "" && !strings.Contains(template, imStart):
		return Format{}, fmt.Errorf("chat: the model's chat template is not ChatML, the one format that is supported (it starts %.60q)", template)
	case !start || !end:
		return Format{}, fmt.Errorf("chat: the vocabulary has no %s and %s, and ChatML is the one format that is supported", imStart, imEnd)
	}
	return Format{imStart, imEnd}, nil
}

// EndOfTurn is the token that ends every turn.
func (f Format) EndOfTurn() string { return f.end }

// First is a conversation up to the model's first answer: what the system says
// (nothing where it is empty) and what the user says.
func (f Format) First(system, content string) []Piece {
	var p []Piece
	if system != "" {
		p = append(p, Piece{f.start, true}, Piece{"system\n" + system, false}, Piece{f.end, true}, Piece{"\n", false})
	}
	return append(p, f.turn(content)...)
}

// Next is the user's next turn, up to the model's answer. It follows the token
// that ended the answer before it.
func (f Format) Next(content string) []Piece {
	return append([]Piece{{"\n", false}}, f.turn(content)...)
}

func (f Format) turn(content string) []Piece {
	return []Piece{{f.start, true}, {"user\n" + content, false}, {f.end, true}, {"\n", false},
		{f.start, true}, {"assistant\n", false}}
}

// Encode is the ids of a prompt. Neighbouring pieces of plain text are one text.
// Where no special token is spelled in plain text, the ids are those of the whole
// prompt as one string, since words do not cross special tokens.
func Encode(t *tokenizer.Tokenizer, pieces []Piece) []int {
	var ids []int
	for len(pieces) > 0 {
		text, n := pieces[0].Text, 1
		if !pieces[0].Special {
			for n < len(pieces) && !pieces[n].Special {
				text += pieces[n].Text
				n++
			}
		}
		ids = append(ids, t.Encode(text, pieces[0].Special)...)
		pieces = pieces[n:]
	}
	return ids
}
