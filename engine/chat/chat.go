// Package chat lays out conversations as a model was trained to read them: as its
// chat template says, where there is a [Renderer] for it, or as one of the
// families of templates that are known here does.
package chat

import (
	"errors"
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

// roles are who may speak.
var roles = [...]string{systemRole: "system", userRole: "user", modelRole: "assistant"}

// Renderer is a chat template that can be run.
type Renderer interface {
	// Render is the text of a conversation up to the model's next answer, bos and
	// eos being the vocabulary's tokens, empty where there are none.
	Render(messages []Message, bos, eos string) (string, error)
}

// Compiler makes a chat template in Jinja ready to run.
type Compiler func(template string) (Renderer, error)

// ErrUnknown is why there is no format for a model.
var ErrUnknown = errors.New("it is not known how the model reads conversations")

// Format lays out conversations for one model. It is safe for concurrent use.
type Format struct {
	tok      *tokenizer.Tokenizer
	template string
	bos, eos string
	lay      func(messages []Message) ([]Piece, error)
	end      int // the token after an answer, -1 where none is seen
}

// New finds the format of a model from the chat template of its tokenizer, which
// is a template in Jinja or the name of a family ([Families]). Compile runs any
// template; without it, nil, the template must be one of a family. A model that
// has no template has its family's special tokens, if any, to tell it by. The
// error wraps ErrUnknown.
func New(t *tokenizer.Tokenizer, compile Compiler) (*Format, error) {
	s := t.Spec()
	f := &Format{tok: t, template: s.ChatTemplate, bos: t.Token(s.BOS), eos: t.Token(s.EOS)}
	if err := f.choose(compile); err != nil {
		return nil, fmt.Errorf("chat: %w: %w", ErrUnknown, err)
	}
	// A template that cannot lay out a question is none; and one that can is asked
	// what comes after an answer.
	if _, err := f.Conversation([]Message{{"user", "a"}}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	f.end = f.afterAnswer()
	return f, nil
}

func (f *Format) choose(compile Compiler) error {
	l := f.named(f.template)
	switch {
	case l != nil:
	case f.template == "":
		if l = f.byVocabulary(); l == nil {
			return fmt.Errorf("it has no chat template; one must be given, in Jinja or as a name: %s", strings.Join(Families(), ", "))
		}
	case compile != nil:
		return f.run(compile)
	default:
		if l = f.byTemplate(); l == nil {
			return fmt.Errorf("its chat template is none of those that are known here, %s (it starts %.60q)", strings.Join(Families(), ", "), f.template)
		}
	}
	f.lay = func(messages []Message) ([]Piece, error) {
		b := builder{tok: f.tok}
		err := l.lay(&b, messages)
		return b.pieces, err
	}
	return nil
}

// IsEnd tells whether a token is the one that the format sets after an answer: a
// model that was trained on it says it there, whatever its vocabulary calls the
// end.
func (f *Format) IsEnd(id int) bool { return id >= 0 && id == f.end }

// afterAnswer is the special token that follows an answer in a conversation.
func (f *Format) afterAnswer() int {
	const answer = "an answer"
	pieces, err := f.Conversation([]Message{{"user", "a"}, {"assistant", answer}, {"user", "b"}})
	if err != nil {
		return -1
	}
	for i, p := range pieces[:max(0, len(pieces)-1)] {
		_, after, found := strings.Cut(p.Text, answer)
		if next := pieces[i+1]; found && strings.TrimSpace(after) == "" && next.Special {
			if id, ok := f.tok.ID(next.Text); ok {
				return id
			}
		}
	}
	return -1
}

// Conversation is a whole conversation up to the model's next answer. What the
// messages say becomes no special token, however it is spelled.
func (f *Format) Conversation(messages []Message) ([]Piece, error) {
	for i, m := range messages {
		if roleOf(m) < 0 {
			return nil, fmt.Errorf("chat: message %d has the role %q, expected one of %q", i, m.Role, roles)
		}
	}
	if len(messages) == 0 {
		return nil, errors.New("chat: no messages, expected one or more")
	}
	pieces, err := f.lay(messages)
	if err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	// What is asked now and what the model is told must be there. Of older turns a
	// template may leave something out.
	for i, m := range messages {
		said := strings.TrimSpace(m.Content)
		if m.Role == "assistant" || m.Role == "user" && i < len(messages)-1 || said == "" {
			continue
		}
		there := false
		for _, p := range pieces {
			there = there || !p.Special && strings.Contains(p.Text, said)
		}
		if !there {
			return nil, fmt.Errorf("chat: the model's chat template leaves out what the %s says", m.Role)
		}
	}
	return pieces, nil
}

// Encode is the ids of a whole prompt: with the token that begins a text once,
// where the template writes it or the vocabulary wants it.
func (f *Format) Encode(pieces []Piece) []int {
	ids, bos := Encode(f.tok, pieces), f.tok.Spec().BOS
	for bos >= 0 && len(ids) > 1 && ids[0] == bos && ids[1] == bos {
		ids = ids[1:]
	}
	return f.tok.WithBOS(ids)
}

// Encode is the ids of pieces, without a token that begins a text. Neighbouring
// pieces of plain text are one text. Where no special token is spelled in plain
// text, the ids are those of all pieces as one string, since words do not cross
// special tokens.
func Encode(t *tokenizer.Tokenizer, pieces []Piece) []int {
	parts := make([]tokenizer.Part, len(pieces))
	for i, p := range pieces {
		parts[i] = tokenizer.Part(p)
	}
	return t.EncodeParts(parts, true)
}

// builder puts a prompt together.
type builder struct {
	tok    *tokenizer.Tokenizer
	pieces []Piece
}

// said adds what somebody says.
func (b *builder) said(text string) {
	if last := len(b.pieces) - 1; last >= 0 && !b.pieces[last].Special {
		b.pieces[last].Text += text
	} else if text != "" {
		b.pieces = append(b.pieces, Piece{text, false})
	}
}

// own adds text of the template, in which special tokens are meant.
func (b *builder) own(text string) {
	for text != "" {
		at, n, _ := b.tok.FindSpecial(text)
		b.said(text[:at])
		if n > 0 {
			b.pieces = append(b.pieces, Piece{text[at : at+n], true})
		}
		text = text[at+n:]
	}
}

// Continue is the ids of pieces that follow what was said. Where they begin with
// text they are as its continuation, not as a text of its own, which a vocabulary
// may put a space before.
func (f *Format) Continue(said string, pieces []Piece) []int {
	if len(pieces) > 0 && !pieces[0].Special {
		before := f.tok.Encode(said, false)
		both := f.tok.Encode(said+pieces[0].Text, false)
		if n := len(before); len(both) >= n && slices.Equal(both[:n], before) {
			return append(both[n:], Encode(f.tok, pieces[1:])...)
		}
	}
	return Encode(f.tok, pieces)
}

// After is what comes in a conversation after its beginning and what was said
// then. It reports false where the conversation does not begin so.
func After(whole, beginning []Piece, said string) ([]Piece, bool) {
	beginning = append(beginning[:len(beginning):len(beginning)], Piece{Text: said})
	for i, p := range beginning {
		switch {
		case p.Text == "":
		case len(whole) == 0 || p.Special != whole[0].Special || !strings.HasPrefix(whole[0].Text, p.Text):
			return nil, false
		case len(p.Text) == len(whole[0].Text):
			whole = whole[1:]
		case p.Special || i < len(beginning)-2:
			return nil, false
		default:
			whole = append([]Piece{{Text: whole[0].Text[len(p.Text):]}}, whole[1:]...)
		}
	}
	return whole, true
}
