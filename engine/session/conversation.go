package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/record"
	"tokenselect/engine/sample"
	"tokenselect/engine/selection"
)

// Options are those of a conversation.
type Options struct {
	Context   int // tokens; 0: as many as the document, the question and the answer need when they come
	Selection selection.Config
	Sample    sample.Options
	MaxTokens int                   // of an answer
	IgnoreEnd bool                  // an answer goes on past its end, to MaxTokens: for measurements
	Raw       bool                  // no chat format: the text as it stands, special tokens parsed
	System    string                // what the model is told before the document; not with Raw
	Progress  func(done, total int) // during prefill, in tokens; nil: none

	// Constrain begins a constraint of an answer's tokens, as package grammar
	// makes them of a JSON Schema and the model's Tokenizer. Nil: answers are free.
	Constrain func() engine.Constraint

	// Next is asked for the same model on another device when the one in use
	// fails (see [gpu.Failed]). The conversation goes on there: what had been read
	// and answered is read again, and an answer that was on its way goes on after
	// the tokens that have been told. An error of Next ends the question. It may
	// close the model that failed, of which the conversation holds nothing more. Nil: a failure ends the question.
	Next func(failure error) (*Model, error)
}

// Conversation is a document and what is asked about it.
type Conversation struct {
	m        *Model
	opt      Options
	document string
	s        *engine.Session
	seen     []int // tokens fed or generated, for the repetition penalty
	pending  []int // tokens at the session's end of a prompt whose reading was stopped
	turns    []turn
	room     int   // tokens that the session was made for
	laid     *Rows // where the document is in the turns; nil: it is not known

	exchanges []exchange // what was asked and answered, as text
	torn      bool       // the turns do not end with the last answer any more: the format has another text there
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
		return nil, fmt.Errorf("session: %w", m.noFormat)
	}
	if o.Raw && o.System != "" {
		return nil, errors.New("session: a system message for raw text, which nobody speaks in")
	}
	return &Conversation{m: m, opt: o, document: document}, nil
}

// Answer is what came of a question.
type Answer struct {
	Text         string
	PromptTokens int // that this question added, the document's with the first
	Reused       int // of them, those that a stopped question had left read
	Prefill      time.Duration
	engine.Result
}

// Listener is told how an answer comes along. Every func may be nil.
type Listener struct {
	Layout  func(l Layout)              // once the prompt is laid out: of a first question, or with Record of any
	Prefill func(done, total int) error // after each chunk of the prompt, in tokens; an error stops the reading
	Piece   func(p Piece) error         // each token of the answer; an error ends the answer
	Steps   bool                        // Piece calls Chosen: tokens are computed one by one, on a GPU too
	Record  *record.Options             // Piece looks at what is recorded, with Steps; nil: nothing is
}

// Piece is a token of an answer.
type Piece struct {
	ID   int
	Text string // what has become complete with it; may be empty
	Len  int    // rows of the cache when it was computed
	Rest bool   // the last token once more, for text that it left open
}

// Ask puts a question and calls emit, if not nil, with each piece of the answer
// as it comes; an error of emit ends the answer. The first question reads the
// document before it; later ones cost their own tokens only. With an empty
// question in raw mode the document is continued. When ctx ends, the answer so
// far comes back with ctx's error and the conversation can go on: a question
// that was cancelled while it was read is no part of it, but what the next one
// has in common with it, as a rule the document, is not read again.
func (c *Conversation) Ask(ctx context.Context, question string, emit func(text string) error) (Answer, error) {
	var l Listener
	if emit != nil {
		l.Piece = func(p Piece) error {
			if p.Text == "" {
				return nil
			}
			return emit(p.Text)
		}
	}
	if c.opt.Progress != nil {
		l.Prefill = func(done, total int) error {
			c.opt.Progress(done, total)
			return nil
		}
	}
	return c.Listen(ctx, question, l)
}

// Listen is Ask with all there is to tell.
func (c *Conversation) Listen(ctx context.Context, question string, l Listener) (Answer, error) {
	p, err := c.prompt(question)
	if err != nil {
		return Answer{}, err
	}
	ids := p.ids
	ans := Answer{PromptTokens: len(ids)}
	if len(ids) == 0 {
		return ans, errors.New("session: nothing to read: document and question are empty")
	}
	c.cut(p.keep)
	if p.document != nil {
		c.laid = p.document
	}
	if l.Layout != nil && (p.document != nil || l.Record != nil) {
		l.Layout(Layout{Document: c.laid, Around: c.around(ids)})
	}
	t, err := c.attempt(ctx, ids, nil, &ans, l)
	for err != nil && c.opt.Next != nil && gpu.Failed(err) {
		c.leave()
		m, nerr := c.opt.Next(err)
		if nerr != nil {
			return ans, errors.Join(err, nerr)
		}
		c.m = m
		t, err = c.attempt(ctx, ids, t.told, &ans, l)
	}
	if t.read {
		fed := min(c.s.Len()-c.held()-len(ids), len(ans.IDs))
		c.turns = append(c.turns, turn{ids, ans.IDs[:fed]})
		c.exchanges = append(p.before, exchange{question, c.m.Tokenizer.Decode(ans.IDs[:fed])})
		c.torn = false
		c.seen = slices.Concat(c.seen, ids, ans.IDs)
	}
	return ans, err
}

// try is how far an attempt to answer came.
type try struct {
	read bool  // the prompt has been read
	told []int // tokens of the answer that the listener has
}

// attempt reads a prompt and answers it; the answer begins with what has been
// told already.
func (c *Conversation) attempt(ctx context.Context, ids, told []int, ans *Answer, l Listener) (try, error) {
	t := try{told: told}
	if err := c.open(len(ids)); err != nil {
		return t, err
	}
	began := time.Now()
	var err error
	if n := c.held(); c.Len() > n {
		err = c.s.Truncate(n)
	}
	if err == nil {
		err = c.s.Record(l.Record)
	}
	if err == nil {
		err = c.restore(ctx, len(ids), l)
	}
	if err == nil {
		err = c.read(ctx, ids, ans, l)
	}
	ans.Prefill += time.Since(began)
	if err != nil {
		return t, err
	}
	t.read = true

	stream, text := c.m.Tokenizer.TextStream(), strings.Builder{}
	if c.opt.Raw { // the answer goes on the text of the prompt
		stream = c.m.Tokenizer.Stream()
	}
	for _, id := range told {
		text.WriteString(stream.Push(id))
	}
	say := func(p Piece) error {
		text.WriteString(p.Text)
		if l.Piece == nil {
			return nil
		}
		return l.Piece(p)
	}
	stop := c.m.IsEnd
	if c.opt.IgnoreEnd {
		stop = nil
	}
	ahead, begin := c.m.Engine.Ahead(), c.s.Len()
	if l.Steps {
		ahead = 0
	}
	var constraint engine.Constraint
	if c.opt.Constrain != nil {
		constraint = c.opt.Constrain()
	}
	ans.Result, err = c.s.Generate(ctx, engine.GenerateOptions{
		MaxTokens: c.opt.MaxTokens, Sample: c.opt.Sample, History: slices.Concat(c.seen, ids), Begun: told,
		Stop: stop, Ahead: ahead, Constraint: constraint,
		Emit: func(id int) error {
			err := say(Piece{ID: id, Text: stream.Push(id), Len: begin + len(t.told)})
			if err == nil {
				t.told = append(t.told[:len(t.told):len(t.told)], id)
			}
			return err
		},
	})
	if l.Record != nil { // what it takes of the device is not kept for a question that may not come
		err = errors.Join(err, c.s.Record(nil))
	}
	// What is left is told with the last token once more.
	if rest := stream.Flush(); rest != "" && err == nil {
		err = say(Piece{ID: ans.IDs[len(ans.IDs)-1], Text: rest, Len: c.s.Len(), Rest: true})
	}
	ans.Text = text.String()
	return t, err
}

// read feeds a prompt. What a stopped prompt has in common with it is kept, in
// whole chunks: the rest is then read as if nothing had been stopped.
func (c *Conversation) read(ctx context.Context, ids []int, ans *Answer, l Listener) error {
	base := c.Len()
	for ans.Reused < min(len(c.pending), len(ids)-1) && c.pending[ans.Reused] == ids[ans.Reused] {
		ans.Reused++
	}
	ans.Reused -= ans.Reused % c.opt.Selection.Chunk
	if len(c.pending) > 0 {
		if err := c.s.Truncate(base + ans.Reused); err != nil {
			return err
		}
		c.pending = nil
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := c.s.Prefill(ctx, ids[ans.Reused:], func(done int) {
		if l.Prefill != nil {
			if err := l.Prefill(ans.Reused+done, len(ids)); err != nil {
				stop(err)
			}
		}
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil: // the memory is full, the device is gone
		return errors.Join(err, c.s.Truncate(base))
	}
	c.pending = ids[:c.s.Len()-base]
	return context.Cause(ctx)
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

// room is the tokens that a session is made for when its first prompt has so
// many.
func (o Options) room(tokens int) int {
	if o.Context > 0 {
		return o.Context
	}
	return tokens + o.MaxTokens + headroom
}

// open makes the session when the first question says how long the text is.
func (c *Conversation) open(tokens int) error {
	if c.s != nil {
		return nil
	}
	if len(c.turns) == 0 {
		c.room = c.opt.room(tokens)
	}
	o := engine.SessionOptions{Context: c.room, Selection: c.opt.Selection}
	if need := tokens + 1; need > o.Context {
		return fmt.Errorf("session: document and question are %d tokens, the context is %d", tokens, o.Context)
	}
	s, err := c.m.Engine.NewSession(o)
	if err != nil {
		return err
	}
	c.s = s
	return nil
}

// Len is the number of tokens that the conversation holds.
func (c *Conversation) Len() int {
	if c.s == nil {
		return 0
	}
	return c.s.Len() - len(c.pending)
}

// Bytes is the device memory that the conversation's cache takes.
func (c *Conversation) Bytes() int64 {
	if c.s == nil {
		return 0
	}
	return c.s.Bytes()
}

// Chosen reads back which rows each layer attended to in the last step.
func (c *Conversation) Chosen(ctx context.Context) ([]selection.Chosen, error) {
	if c.s == nil {
		return nil, errors.New("session: nothing has been read yet")
	}
	return c.s.Chosen(ctx)
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

// Retract takes the last question and its answer back, if there is one, so that the
// next is asked in its place. What the two begin alike with, as a rule the document,
// is not read again.
func (c *Conversation) Retract() {
	if n := len(c.exchanges); n > 0 && !c.opt.Raw {
		c.exchanges, c.torn = c.exchanges[:n-1], true
	}
}

// Forget frees the device memory of what has been read. The next question reads
// the document again, and what was asked before is not there any more.
func (c *Conversation) Forget() {
	if c.s != nil {
		c.s.Close()
		c.s = nil
	}
	c.seen, c.pending, c.turns, c.exchanges, c.torn, c.laid = nil, nil, nil, nil, false, nil
}

// Close frees the conversation's memory.
func (c *Conversation) Close() { c.Forget() }
