// Package session puts text in front of the engine: a document, questions
// about it, answers as they come. It is the one place where text meets ids.
package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tokenselect/engine"
	"tokenselect/engine/chat"
	"tokenselect/engine/gpu"
	"tokenselect/engine/sample"
	"tokenselect/engine/selection"
	"tokenselect/engine/tokenizer"
	"tokenselect/engine/weights"
)

// Model is a checkpoint ready for conversations: engine, tokenizer and chat
// format.
type Model struct {
	Engine    *engine.Engine
	Tokenizer *tokenizer.Tokenizer
	format    chat.Format
	noFormat  error // why there is no format; raw text still works
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
	m := &Model{Tokenizer: tok}
	m.format, m.noFormat = chat.Recognise(ckpt.Tokenizer.ChatTemplate, tok)
	if m.Engine, err = engine.New(dev, ckpt, o); err != nil {
		return nil, err
	}
	return m, nil
}

// Close frees the weights. Close the conversations first.
func (m *Model) Close() { m.Engine.Close() }

// Options are those of a conversation.
type Options struct {
	Context   int // tokens; 0: as many as the document, the question and the answer need when they come
	Selection selection.Config
	Sample    sample.Options
	MaxTokens int                   // of an answer
	Raw       bool                  // no chat format: the text as it stands, special tokens parsed
	Progress  func(done, total int) // during prefill, in tokens; nil: none
}

// Conversation is a document and what is asked about it.
type Conversation struct {
	m        *Model
	opt      Options
	document string
	s        *engine.Session
	seen     []int // tokens fed or generated, for the repetition penalty
}

// NewConversation starts a conversation about a document, which may be empty.
// The document is read with the first question.
func (m *Model) NewConversation(document string, o Options) (*Conversation, error) {
	if err := errors.Join(o.Selection.Validate(), o.Sample.Validate()); err != nil {
		return nil, err
	}
	if o.MaxTokens < 1 {
		return nil, fmt.Errorf("session: answers of at most %d tokens, expected 1 or more", o.MaxTokens)
	}
	if o.Context < 0 {
		return nil, fmt.Errorf("session: context of %d tokens, expected 0 (as needed) or more", o.Context)
	}
	if !o.Raw && m.noFormat != nil {
		return nil, fmt.Errorf("session: %w; its text can be continued raw", m.noFormat)
	}
	return &Conversation{m: m, opt: o, document: document}, nil
}

// Answer is what came of a question.
type Answer struct {
	Text         string
	PromptTokens int // that this question added, the document's with the first
	Prefill      time.Duration
	engine.Result
}

// Ask puts a question and calls emit, if not nil, with each piece of the answer
// as it comes; an error of emit ends the answer. The first question reads the
// document before it; later ones cost their own tokens only. With an empty
// question in raw mode the document is continued. When ctx ends, the answer so
// far comes back with ctx's error and the conversation can go on: a question
// that was cancelled while it was read is taken back whole.
func (c *Conversation) Ask(ctx context.Context, question string, emit func(text string) error) (Answer, error) {
	ids := c.prompt(question)
	ans := Answer{PromptTokens: len(ids)}
	if len(ids) == 0 {
		return ans, errors.New("session: nothing to read: document and question are empty")
	}
	if err := c.open(len(ids)); err != nil {
		return ans, err
	}
	before, began := c.s.Len(), time.Now()
	err := c.s.Prefill(ctx, ids, func(done int) {
		if c.opt.Progress != nil {
			c.opt.Progress(done, len(ids))
		}
	})
	ans.Prefill = time.Since(began)
	if err != nil {
		return ans, errors.Join(err, c.s.Truncate(before))
	}
	c.seen = append(c.seen, ids...)

	stream, text := c.m.Tokenizer.Stream(), strings.Builder{}
	say := func(piece string) error {
		text.WriteString(piece)
		if emit == nil || piece == "" {
			return nil
		}
		return emit(piece)
	}
	ans.Result, err = c.s.Generate(ctx, engine.GenerateOptions{
		MaxTokens: c.opt.MaxTokens, Sample: c.opt.Sample, History: c.seen,
		Stop: c.m.Tokenizer.IsEnd,
		Emit: func(id int) error { return say(stream.Push(id)) },
	})
	if err == nil {
		err = say(stream.Flush())
	}
	ans.Text = text.String()
	c.seen = append(c.seen, ans.IDs...)
	return ans, err
}

// prompt is the tokens that a question adds.
func (c *Conversation) prompt(question string) []int {
	tok, first := c.m.Tokenizer, c.s == nil || c.s.Len() == 0
	if c.opt.Raw {
		text := question
		if first {
			text = join(c.document, question)
		}
		ids := tok.Encode(text, true)
		if spec := tok.Spec(); first && spec.AddBOS && spec.BOS >= 0 {
			ids = append([]int{spec.BOS}, ids...)
		}
		return ids
	}
	if first {
		return chat.Encode(tok, c.m.format.First("", join(c.document, question)))
	}
	// The token that ends the model's turn never entered the session.
	end := tok.Encode(c.m.format.EndOfTurn(), true)
	return append(end, chat.Encode(tok, c.m.format.Next(question))...)
}

// join is the document, a blank line and the question: what the default model
// was trained on.
func join(document, question string) string {
	document = strings.TrimRight(document, "\r\n")
	if document == "" || question == "" {
		return document + question
	}
	return document + "\n\n" + question
}

// headroom is the tokens that a conversation of unstated context has left for
// further questions when it starts.
const headroom = 8192

// open makes the session when the first question says how long the text is.
func (c *Conversation) open(tokens int) error {
	if c.s != nil {
		return nil
	}
	o := engine.SessionOptions{Context: c.opt.Context, Selection: c.opt.Selection}
	if o.Context == 0 {
		o.Context = tokens + c.opt.MaxTokens + headroom
	}
	if need := tokens + 1; need > o.Context {
		return fmt.Errorf("session: document and question are %d tokens, the context is %d", tokens, o.Context)
	}
	s, err := c.m.Engine.NewSession(o)
	c.s = s
	return err
}

// Tokens is the number of tokens of a text, special tokens as plain text.
func (m *Model) Tokens(text string) int { return len(m.Tokenizer.Encode(text, false)) }

// Len is the number of tokens that the conversation holds.
func (c *Conversation) Len() int {
	if c.s == nil {
		return 0
	}
	return c.s.Len()
}

// Bytes is the device memory that the conversation's cache takes.
func (c *Conversation) Bytes() int64 {
	if c.s == nil {
		return 0
	}
	return c.s.Bytes()
}

// SetSelection changes policy and budgets from the next question on. What has
// been read stays read.
func (c *Conversation) SetSelection(cfg selection.Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if c.s != nil {
		if err := c.s.SetSelection(cfg); err != nil {
			return err
		}
	}
	c.opt.Selection = cfg
	return nil
}

// Close frees the conversation's memory.
func (c *Conversation) Close() {
	if c.s != nil {
		c.s.Close()
		c.s = nil
	}
}

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
