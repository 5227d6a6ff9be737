// Package chat lays out conversations as a model was trained to read them.
package chat

import (
	"fmt"
	"slices"
	"strings"

	"tokenselect/engine/tokenizer"
)

// Piece is a part of a prompt: a special token, or text in which special tokens
// are not looked for.
type Piece struct {
	Text    string
	Special bool
}

// Message is a turn of a conversation: who speaks and what is said.
type Message struct{ Role, Content string }

// roles are who may speak in ChatML.
var roles = []string{"system", "user", "assistant"}

// Format is a way to lay out a conversation. The only one is ChatML.
type Format struct {
	start, end string // special tokens around a turn
}

// The special tokens of ChatML.
const (
	imStart = "<|im_start|>"
	imEnd   = "<|im_end|>"
)

// isChatML tells whether a template marks turns as ChatML does: the role and a
// line break after <|im_start|>, and <|im_end|>, by name or as the token that ends
// a text. Phi-4 begins turns alike, but sets <|im_sep|> after the role.
func isChatML(template string) bool {
	return strings.Contains(template, imStart) && !strings.Contains(template, "<|im_sep|>") &&
		(strings.Contains(template, imEnd) || strings.Contains(template, "eos_token"))
}

// Recognise finds the format of a model from its chat template (in Jinja), or
// without one from its vocabulary.
func Recognise(template string, vocabulary interface{ ID(string) (int, bool) }) (Format, error) {
	_, start := vocabulary.ID(imStart)
	_, end := vocabulary.ID(imEnd)
	switch {
	case template != "" && !isChatML(template):
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
		p = f.turn(p, Message{"system", system})
	}
	return f.answer(f.turn(p, Message{"user", content}))
}

// Next is the user's next turn, up to the model's answer. It follows the token
// that ended the answer before it.
func (f Format) Next(content string) []Piece {
	return f.answer(f.turn([]Piece{{"\n", false}}, Message{"user", content}))
}

// Conversation is a whole conversation up to the model's next answer: as First,
// the token that ends a turn and Next lay it out turn by turn.
func (f Format) Conversation(messages []Message) ([]Piece, error) {
	var p []Piece
	for i, m := range messages {
		if !slices.Contains(roles, m.Role) {
			return nil, fmt.Errorf("chat: message %d has the role %q, expected one of %q", i, m.Role, roles)
		}
		p = f.turn(p, m)
	}
	if len(p) == 0 {
		return nil, fmt.Errorf("chat: no messages, expected one or more")
	}
	return f.answer(p), nil
}

func (f Format) turn(p []Piece, m Message) []Piece {
	return append(p, Piece{f.start, true}, Piece{m.Role + "\n" + m.Content, false}, Piece{f.end, true}, Piece{"\n", false})
}

// answer opens the model's turn.
func (f Format) answer(p []Piece) []Piece {
	return append(p, Piece{f.start, true}, Piece{"assistant\n", false})
}

// Encode is the ids of a prompt. Neighbouring pieces of plain text are one text.
// Where no special token is spelled in plain text, the ids are those of the whole
// prompt as one string, since words do not cross special tokens.
func Encode(t *tokenizer.Tokenizer, pieces []Piece) []int {
	parts := make([]tokenizer.Part, len(pieces))
	for i, p := range pieces {
		parts[i] = tokenizer.Part(p)
	}
	return t.EncodeParts(parts, true)
}
