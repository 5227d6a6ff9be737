// Package session puts text in front of the engine: a document, questions
// about it, answers as they come. It is the one place where text meets ids.
package session

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tokenselect/engine"
	"tokenselect/engine/chat"
	"tokenselect/engine/gpu"
	"tokenselect/engine/tokenizer"
	"tokenselect/engine/weights"
)

// Model is a checkpoint ready for conversations: engine, tokenizer and chat
// format.
type Model struct {
	Engine    *engine.Engine
	Tokenizer *tokenizer.Tokenizer
	format    *chat.Format
	noFormat  error // why there is no format; raw text still works

	quantisation string // of the weights as stored
}

// Load puts a checkpoint on a device. The device stays the caller's to close,
// after the model.
func Load(dev gpu.Device, ckpt *weights.Model, o engine.Options) (*Model, error) {
	if ckpt.Tokenizer == nil {
		return nil, fmt.Errorf("session: %s: the checkpoint has no tokenizer", ckpt.Path)
	}
	tok, err := tokenizer.New(*ckpt.Tokenizer)
	if err != nil {
		return nil, err
	}
	m := &Model{Tokenizer: tok, quantisation: ckpt.Quantisation}
	m.format, m.noFormat = chat.New(tok, compile)
	if m.Engine, err = engine.New(dev, ckpt, o); err != nil {
		return nil, err
	}
	return m, nil
}

// Close frees the weights. Close the conversations first.
func (m *Model) Close() { m.Engine.Close() }

// Prompt is the ids of a whole conversation up to the model's next answer.
func (m *Model) Prompt(messages []chat.Message) ([]int, error) {
	if m.noFormat != nil {
		return nil, fmt.Errorf("session: %w", m.noFormat)
	}
	pieces, err := m.format.Conversation(messages)
	if err != nil {
		return nil, err
	}
	return m.format.Encode(pieces), nil
}

// IsEnd tells whether a token ends an answer: for the vocabulary, or in the
// conversations that the model was trained on.
func (m *Model) IsEnd(id int) bool {
	return m.Tokenizer.IsEnd(id) || m.format != nil && m.format.IsEnd(id)
}

// Tokens is the number of tokens of a text, special tokens as plain text.
func (m *Model) Tokens(text string) int { return len(m.Tokenizer.Encode(text, false)) }

// ValidUTF8 is text with every byte that is not UTF-8 replaced by U+FFFD, and
// the number of bytes replaced.
func ValidUTF8(text string) (valid string, replaced int) {
	if utf8.ValidString(text) {
		return text, 0
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			replaced++
		}
		b.WriteRune(r)
		text = text[size:]
	}
	return b.String(), replaced
}
