//go:build !js

package chat

import (
	"errors"
	"fmt"
	"strings"
)

// A template sees what is said as it is, so that it can trim it, look for marks in
// it or cut it. What it renders is one string, in which its own special tokens are
// looked for. Those that are spelled in a message must not be found among them: a
// document could end its turn. So each of them has a character before it that is
// nowhere else, which is taken out again afterwards.

// run has a template lay out conversations.
func (f *Format) run(compile Compiler) error {
	r, err := compile(f.template)
	if err != nil {
		return fmt.Errorf("its chat template cannot be run: %w", err)
	}
	f.lay = func(messages []Message) ([]Piece, error) { return f.rendered(r, messages) }
	return nil
}

// rendered lays out a conversation with a template that is run.
func (f *Format) rendered(r Renderer, messages []Message) ([]Piece, error) {
	mark, err := f.unused(messages)
	if err != nil {
		return nil, err
	}
	marked := make([]Message, len(messages))
	for i, m := range messages {
		marked[i] = Message{m.Role, f.marked(m.Content, mark)}
	}
	text, err := r.Render(marked, f.bos, f.eos)
	if err != nil {
		return nil, fmt.Errorf("the model's chat template refuses the conversation: %w", err)
	}
	b := builder{tok: f.tok}
	for text != "" {
		at, n, _ := f.tok.FindSpecial(text)
		plain := text[:at]
		b.said(strings.ReplaceAll(plain, mark, ""))
		switch {
		case n > 0 && strings.HasSuffix(plain, mark):
			b.said(text[at : at+n])
		case n > 0:
			b.pieces = append(b.pieces, Piece{text[at : at+n], true})
		}
		text = text[at+n:]
	}
	return b.pieces, nil
}

// marked is what is said with a mark before each special token that it spells.
func (f *Format) marked(said, mark string) string {
	var b strings.Builder
	for said != "" {
		at, n, _ := f.tok.FindSpecial(said)
		b.WriteString(said[:at])
		if n > 0 {
			b.WriteString(mark)
		}
		b.WriteString(said[at : at+n])
		said = said[at+n:]
	}
	return b.String()
}

// unused is a character that neither the template nor the messages have. Those
// tried are of a range that Unicode leaves to private use.
func (f *Format) unused(messages []Message) (string, error) {
next:
	for r := '\uE000'; r <= '\uF8FF'; r++ {
		mark := string(r)
		if strings.Contains(f.template, mark) {
			continue
		}
		for _, m := range messages {
			if strings.Contains(m.Content, mark) {
				continue next
			}
		}
		return mark, nil
	}
	return "", errors.New("the messages have every character of Unicode's private use area, expected one that is unused")
}
