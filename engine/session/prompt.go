package session

import (
	"fmt"
	"slices"
	"strings"

	"tokenselect/engine/chat"
	"tokenselect/engine/tokenizer"
)

// exchange is a question and its answer, as far as that became part of the text.
type exchange struct{ question, answer string }

// prompt is what a question adds to a conversation.
type prompt struct {
	ids      []int      // tokens to be read
	keep     int        // tokens of the turns that stay before them
	document *Rows      // where the document is in ids, if this is the prompt that has it
	before   []exchange // those before the question
}

// prompt lays a question out. A format lays out conversations whole, and may write
// an older turn otherwise than the model has read or said it: thoughts are left
// out, a system message moves. What comes after the last answer is read where the
// turns stay as they are, as nearly always; else they are given up from the first
// token on that is another.
func (c *Conversation) prompt(question string) (prompt, error) {
	if c.opt.Raw {
		return prompt{ids: c.raw(question), keep: c.held()}, nil
	}
	f := c.m.format
	p := prompt{keep: c.held(), before: slices.Clone(c.exchanges)}
	whole, err := f.Conversation(c.messages(p.before, question))
	if err != nil {
		return p, fmt.Errorf("session: %w", err)
	}
	if c.torn {
		return c.anew(p, whole), nil
	}
	if len(p.before) == 0 {
		p.ids = f.Encode(whole)
		p.document = locate(c.m.Tokenizer, p.ids, c.document)
		return p, nil
	}
	// What the model has said may begin with a space that is none of the answer's:
	// the vocabulary spells words so, and the format may write one there itself.
	last := &p.before[len(p.before)-1]
	text, said := last.answer, string(c.m.Tokenizer.DecodeBytes(c.turns[len(c.turns)-1].answer))
	for _, answer := range []string{text, said, strings.TrimPrefix(said, " ")} {
		if answer != last.answer {
			last.answer = answer
			if whole, err = f.Conversation(c.messages(p.before, question)); err != nil {
				continue
			}
		}
		if rest, ok := c.after(whole, p.before, said); ok {
			p.ids = f.Continue(said, rest)
			return p, nil
		}
	}
	last.answer = text
	whole, err = f.Conversation(c.messages(p.before, question))
	if err != nil {
		return p, fmt.Errorf("session: %w", err)
	}
	return c.anew(p, whole), nil
}

// anew is a prompt before which only those of the turns' tokens stay that it
// begins with.
func (c *Conversation) anew(p prompt, whole []chat.Piece) prompt {
	ids := c.m.format.Encode(whole)
	p.keep = c.common(ids)
	p.ids = ids[p.keep:]
	return p
}

// raw is the tokens of a text that is continued as it stands.
func (c *Conversation) raw(question string) []int {
	tok, first := c.m.Tokenizer, len(c.turns) == 0
	text := question
	if first {
		text = join(c.document, question)
	}
	ids := tok.EncodeParts([]tokenizer.Part{{Text: text, Special: true}}, first)
	if first {
		ids = tok.WithBOS(ids)
	}
	return ids
}

// messages are those of a conversation up to a question.
func (c *Conversation) messages(before []exchange, question string) []chat.Message {
	var m []chat.Message
	if c.opt.System != "" {
		m = append(m, chat.Message{Role: "system", Content: c.opt.System})
	}
	for i, e := range append(before[:len(before):len(before)], exchange{question: question}) {
		asked := e.question
		if i == 0 {
			asked = join(c.document, asked)
		}
		m = append(m, chat.Message{Role: "user", Content: asked})
		if i < len(before) {
			m = append(m, chat.Message{Role: "assistant", Content: e.answer})
		}
	}
	return m
}

// after is what comes after the last answer in a conversation that is laid out
// whole, if all before it is what the turns were made of. The answer's own tokens
// need not be those that its text would become.
func (c *Conversation) after(whole []chat.Piece, before []exchange, said string) ([]chat.Piece, bool) {
	last := len(before) - 1
	asked, err := c.m.format.Conversation(c.messages(before[:last], before[last].question))
	if err != nil {
		return nil, false
	}
	return chat.After(whole, asked, said)
}

// common is how many of the turns' tokens a prompt begins with, less what would
// not be read as it was: of a prompt only whole chunks stay. At least one token of
// ids is left.
func (c *Conversation) common(ids []int) int {
	n, most := 0, len(ids)-1
	for _, t := range c.turns {
		i := same(t.prompt, ids[n:most])
		if i < len(t.prompt) {
			return n + i - i%c.opt.Selection.Chunk
		}
		n += i
		if i = same(t.answer, ids[n:most]); i < len(t.answer) {
			return n + i
		}
		n += i
	}
	return n
}

// same is how many tokens a and b begin with alike.
func same(a, b []int) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// cut gives up all but the first n tokens of the turns. The session follows with
// the next attempt to answer.
func (c *Conversation) cut(n int) {
	if n == c.held() {
		return
	}
	c.seen, c.pending, c.torn = nil, nil, true
	turns := c.turns
	c.turns = nil
	for _, t := range turns {
		t.prompt = t.prompt[:min(n, len(t.prompt))]
		n -= len(t.prompt)
		t.answer = t.answer[:min(n, len(t.answer))]
		n -= len(t.answer)
		if t.len() > 0 {
			c.turns = append(c.turns, t)
			c.seen = append(append(c.seen, t.prompt...), t.answer...)
		}
	}
}
