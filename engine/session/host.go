package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tokenselect/engine"
	"tokenselect/engine/chat"
	"tokenselect/engine/gpu"
	"tokenselect/engine/trace"
)

// Host answers a client's commands with events: the same over a worker's port
// and over a server's websocket.
type Host struct {
	Where string // "browser" or "server", for the greeting

	System string // what models are told before every document; may be empty

	// Load answers the command load.
	Load func(ctx context.Context, c trace.Command, progress func(phase string, done, total int64)) (Loaded, error)

	// Turn waits for the turn to answer one question; position is called with 1,
	// 2, ... while it waits (1 is next). Release ends the turn. Nil: no waiting.
	Turn func(ctx context.Context, position func(int)) (release func(), err error)

	// Reserve is asked before a conversation takes device memory, with all that
	// it can come to, and may wait for it until ctx ends; with one that has ended it
	// gives what is there. Release gives it back. Evict frees the memory of a
	// conversation that nobody is being answered from, and reports false where
	// somebody is; it may be called from any goroutine until release has
	// returned. Nil: everything is allowed.
	Reserve func(ctx context.Context, bytes int64, evict func() bool) (release func(), err error)

	// Pause is called after every token and every chunk of a prompt, for
	// platforms on which commands arrive only while nobody computes.
	Pause func()
}

// Loaded is a model for a client.
type Loaded struct {
	Model   *Model
	Release func()     // the client is done with it; may be nil
	Info    trace.Info // Why and Rate; the host fills in the rest
}

// client is one client being served.
type client struct {
	h    *Host
	send func(trace.Event) error

	mu     sync.Mutex // of what the running job and an eviction both use
	loaded Loaded
	conv   *Conversation
	opt    Options
	free   func() // of the memory reserved for conv
	spare  int64  // of that, for recording
	forgot bool   // conv's memory was taken back and its client has not been told

	job     *job                // the command that is being answered, nil: none
	running atomic.Pointer[job] // the same, for whoever sends
}

// job is a command that takes its time.
type job struct {
	command trace.Command
	cancel  context.CancelFunc
	done    chan struct{}
	told    atomic.Bool // what ends it has been said
}

// Serve answers commands until ctx ends or commands is closed, then frees all
// that it took. Events of one command come in order; send is called from one
// goroutine at a time, and its error ends the service.
func (h *Host) Serve(ctx context.Context, commands <-chan trace.Command, send func(trace.Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var sending sync.Mutex
	c := &client{h: h}
	c.send = func(e trace.Event) error {
		sending.Lock()
		defer sending.Unlock()
		if j := c.running.Load(); j != nil && e.ID == j.command.ID && ends(e.Type) {
			j.told.Store(true)
		}
		err := send(e)
		if err != nil {
			cancel(err)
		}
		return err
	}
	defer c.close()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case cmd, ok := <-commands:
			if !ok {
				return nil
			}
			c.take(ctx, cmd)
		}
	}
}

// ends tells whether an event is the last of its command.
func ends(kind string) bool {
	switch kind {
	case trace.Progress, trace.Queued, trace.Layout, trace.Prefill, trace.Token:
		return false
	}
	return true
}

// close ends what is running and frees everything.
func (c *client) close() {
	if c.job != nil {
		c.job.cancel()
		<-c.job.done
	}
	c.unload()
}

// take starts to answer a command.
func (c *client) take(ctx context.Context, cmd trace.Command) {
	if c.job != nil && c.job.told.Load() {
		// Its last event is out, and a client that has it may say the next
		// command before the job has quite ended.
		<-c.job.done
	}
	if c.job != nil {
		select {
		case <-c.job.done:
			c.job = nil
		default:
		}
	}
	switch {
	case cmd.Type == trace.Hello:
		c.send(trace.Event{Type: trace.Hello, ID: cmd.ID, V: trace.Version, Where: c.h.Where})
	case cmd.Type == trace.Stop:
		if c.job != nil && (cmd.ID == 0 || cmd.ID == c.job.command.ID) {
			c.job.cancel()
		}
	case c.job != nil:
		c.fail(cmd, &commandError{trace.Busy, fmt.Errorf("%s: the command %s is still being answered: stop it or wait for its end", cmd.Type, c.job.command.Type)})
	default:
		ctx, cancel := context.WithCancel(ctx)
		j := &job{command: cmd, cancel: cancel, done: make(chan struct{})}
		c.job = j
		c.running.Store(j)
		go func() {
			defer close(j.done)
			defer cancel()
			if err := c.answer(ctx, cmd); err != nil {
				c.fail(cmd, err)
			}
		}()
	}
}

func (c *client) answer(ctx context.Context, cmd trace.Command) error {
	switch cmd.Type {
	case trace.Load:
		return c.load(ctx, cmd)
	case trace.Open:
		return c.open(cmd)
	case trace.Ask:
		return c.ask(ctx, cmd)
	case trace.Select:
		return c.choose(cmd)
	case trace.Unload:
		c.unload()
		return c.send(trace.Event{Type: trace.Unloaded, ID: cmd.ID})
	}
	return &commandError{trace.BadCommand, fmt.Errorf("command %q is not known", cmd.Type)}
}

func (c *client) unload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeDocument()
	if c.loaded.Release != nil {
		c.loaded.Release()
	}
	c.loaded = Loaded{}
}

// closeDocument frees the conversation and what was reserved for it.
func (c *client) closeDocument() {
	if c.conv != nil {
		c.conv.Close()
		c.conv = nil
	}
	if c.free != nil {
		c.free()
		c.free = nil
	}
	c.forgot = false
}

func (c *client) load(ctx context.Context, cmd trace.Command) error {
	c.unload()
	loaded, err := c.h.Load(ctx, cmd, func(phase string, done, total int64) {
		c.send(trace.Event{Type: trace.Progress, ID: cmd.ID, Phase: phase, Done: done, Total: total})
	})
	if err != nil {
		return err
	}
	c.loaded = loaded
	info := describe(loaded)
	return c.send(trace.Event{Type: trace.Loaded, ID: cmd.ID, Info: &info})
}

func (c *client) open(cmd trace.Command) error {
	if c.loaded.Model == nil {
		return &commandError{trace.BadCommand, errors.New("open: no model is loaded, expected the command load before it")}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeDocument()
	m := c.loaded.Model
	cfg, err := apply(defaults(m), cmd.Selection)
	if err != nil {
		return &commandError{trace.BadCommand, err}
	}
	c.opt = Options{Context: cmd.Context, Selection: cfg, MaxTokens: trace.DefaultMaxTokens, System: c.h.System}
	tokens := m.Tokens(cmd.Document)
	if cmd.Context > 0 && tokens >= cmd.Context {
		return &commandError{trace.ContextFull, fmt.Errorf("open: the document is %d tokens, the context that was asked for %d", tokens, cmd.Context)}
	}
	if c.conv, err = m.NewConversation(cmd.Document, c.opt); err != nil {
		return err
	}
	memory := m.Engine.Memory(c.opt.room(tokens), cfg)
	return c.send(trace.Event{Type: trace.Opened, ID: cmd.ID, Tokens: tokens, Memory: bytes(memory), Warning: engine.Warning(m.Engine.Config(), cfg)})
}

func (c *client) choose(cmd trace.Command) error {
	if c.conv == nil {
		return &commandError{trace.BadCommand, errors.New("select: no document is open, expected the command open before it")}
	}
	if err := c.setSelection(cmd.Selection); err != nil {
		return err
	}
	m := c.loaded.Model
	s := SelectionOf(c.opt.Selection)
	memory := m.Engine.Memory(c.opt.room(max(c.held(), m.Tokens(c.conv.document))), c.opt.Selection)
	return c.send(trace.Event{Type: trace.Selected, ID: cmd.ID, Selection: &s, Memory: bytes(memory), Warning: engine.Warning(m.Engine.Config(), c.opt.Selection)})
}

func (c *client) setSelection(s *trace.Selection) error {
	cfg, err := apply(c.opt.Selection, s)
	if err == nil && cfg != c.opt.Selection {
		c.mu.Lock()
		defer c.mu.Unlock()
		err = c.conv.SetSelection(cfg)
	}
	if err != nil {
		return &commandError{trace.BadCommand, err}
	}
	c.opt.Selection = cfg
	return nil
}

// held is the number of tokens in the conversation.
func (c *client) held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conv.Len()
}

// evict frees the memory of the conversation if it is idle. Its document stays,
// and is read again with the next question.
func (c *client) evict() bool {
	if !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	if c.conv == nil || c.free == nil {
		return false
	}
	c.forgot = c.conv.Len() > 0
	c.conv.Forget()
	c.free = nil // whoever evicts has it
	return true
}

// reserve takes the memory that a conversation can come to and, until release is
// called, what recording an answer takes besides. The caller holds mu.
func (c *client) reserve(ctx context.Context, bytes, recording int64) (release func(), err error) {
	release = func() {}
	if c.h.Reserve == nil {
		return release, nil
	}
	take := func(bytes, recording int64) error {
		free, err := c.h.Reserve(ctx, bytes+recording, c.evict)
		if err != nil {
			return &commandError{trace.OutOfMemory, err}
		}
		c.free, c.spare = free, recording
		return nil
	}
	if c.free == nil {
		if err := take(bytes, 0); err != nil {
			return nil, err
		}
	}
	if recording <= c.spare {
		return release, nil
	}
	// Nobody waits while holding what others wait for: what is there is taken without
	// waiting, or all of it together once nothing is held.
	now, cancel := context.WithCancel(ctx)
	cancel()
	if release, err = c.h.Reserve(now, recording, func() bool { return false }); err == nil {
		return release, nil
	}
	c.forgot = c.forgot || c.conv.Len() > 0
	c.conv.Forget()
	c.free()
	c.free = nil
	return func() {}, take(bytes, recording)
}

func (c *client) ask(ctx context.Context, cmd trace.Command) error {
	if c.conv == nil {
		return &commandError{trace.BadCommand, errors.New("ask: no document is open, expected the command open before it (its document may be empty)")}
	}
	if cmd.Question == "" {
		return &commandError{trace.BadCommand, errors.New("ask: question is empty")}
	}
	if err := c.setSelection(cmd.Selection); err != nil {
		return err
	}
	done, err := c.inTurn(ctx, cmd)
	if err != nil {
		return err
	}
	return c.send(done)
}

// inTurn answers a question when it is its turn. Its last event is for the
// caller to send: who has it may let somebody else ask, whose turn and memory
// must be free by then.
func (c *client) inTurn(ctx context.Context, cmd trace.Command) (done trace.Event, err error) {
	if c.h.Turn != nil {
		release, err := c.h.Turn(ctx, func(p int) {
			c.send(trace.Event{Type: trace.Queued, ID: cmd.ID, Position: p})
		})
		switch {
		case err == nil:
			defer release()
		case ctx.Err() != nil: // stopped while it waited
			return stopped(cmd, c.held()), nil
		default:
			return trace.Event{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.listen(ctx, cmd)
}

// Stopped is the reason of an answer that its client ended.
const Stopped = "stopped"

// stopped is the end of an answer that had not begun; the conversation has so many
// tokens.
func stopped(cmd trace.Command, tokens int) trace.Event {
	return trace.Event{Type: trace.Done, ID: cmd.ID, Reason: Stopped, Stats: &trace.Stats{Context: tokens}}
}

// listen answers a question, up to its last event. The caller holds mu.
func (c *client) listen(ctx context.Context, cmd trace.Command) (done trace.Event, err error) {
	conv := c.conv
	conv.opt.MaxTokens = cmd.MaxTokens
	if cmd.MaxTokens == 0 {
		conv.opt.MaxTokens = trace.DefaultMaxTokens
	}
	conv.opt.IgnoreEnd = cmd.IgnoreEnd
	conv.opt.Sample = sampling(cmd.Sample)
	if err := conv.opt.Sample.Validate(); err != nil {
		return trace.Event{}, &commandError{trace.BadCommand, err}
	}
	if o := recordOptions(cmd.Record); o != nil {
		if err := o.Fits(engine.SelectionShape(c.loaded.Model.Engine.Config())); err != nil {
			return trace.Event{}, &commandError{trace.BadCommand, err}
		}
	}
	m := c.loaded.Model
	room := conv.opt.room(m.Tokens(conv.document) + m.Tokens(cmd.Question))
	if conv.s != nil {
		room = conv.room
	}
	memory := m.Engine.Memory(room, c.opt.Selection)
	if o := recordOptions(cmd.Record); o != nil {
		memory.Recording = m.Engine.Recording(room, c.opt.Selection, *o)
	}
	release, err := c.reserve(ctx, memory.Total()-memory.Weights-memory.Recording, memory.Recording)
	switch {
	case err != nil && ctx.Err() != nil: // stopped while it waited
		return stopped(cmd, conv.Len()), nil
	case err != nil:
		return trace.Event{}, err
	}
	defer release()
	if cmd.Again {
		conv.Retract()
	}
	if c.forgot {
		c.forgot = false
		c.send(trace.Event{Type: trace.Prefill, ID: cmd.ID, Warning: "The memory of this conversation had been given to somebody else; the document is read again."})
	}
	began := time.Now()
	ms := func() float64 { return float64(time.Since(began).Microseconds()) / 1000 }
	var first float64
	steps := steps{conv: conv, record: cmd.Record}
	ans, err := conv.Listen(ctx, cmd.Question, Listener{
		Steps: cmd.Trace || cmd.Record != nil, Record: recordOptions(cmd.Record),
		Layout: func(l Layout) {
			e := trace.Event{Type: trace.Layout, ID: cmd.ID, Rows: l.Around}
			if cmd.Record != nil {
				e.Memory = bytes(memory)
			}
			if l.Document != nil {
				e.Document = &trace.Rows{First: l.Document.First, Lens: l.Document.Lens}
			}
			c.send(e)
		},
		Prefill: func(done, total int) error {
			c.pause()
			return c.send(trace.Event{Type: trace.Prefill, ID: cmd.ID, Done: int64(done), Total: int64(total), MS: ms()})
		},
		Piece: func(p Piece) error {
			if first == 0 {
				first = ms()
			}
			e := trace.Event{Type: trace.Token, ID: cmd.ID, Text: p.Text, Token: p.ID, Len: p.Len, MS: ms()}
			if (cmd.Trace || cmd.Record != nil) && !p.Rest {
				if err := steps.fill(ctx, &e); err != nil {
					return err
				}
			}
			err := c.send(e)
			c.pause()
			return err
		},
	})
	reason := string(ans.Reason)
	if err != nil {
		if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
			return trace.Event{}, err
		}
		reason = Stopped
	}
	return trace.Event{Type: trace.Done, ID: cmd.ID, Reason: reason, Text: ans.Text, MS: ms(), Stats: &trace.Stats{
		PromptTokens: ans.PromptTokens, AnswerTokens: len(ans.IDs), Context: conv.Len(), FirstMS: first,
		PrefillTPS: rate(ans.PromptTokens-ans.Reused, ans.Prefill), DecodeTPS: rate(len(ans.IDs)-1, ans.Decode),
		CacheHits: ans.CacheHits, CacheMisses: ans.CacheMisses, KVBytes: conv.Bytes(),
	}}, nil
}

func (c *client) pause() {
	if c.h.Pause != nil {
		c.h.Pause()
	}
}

// rate is tokens a second, 0 where there is nothing to divide by.
func rate(tokens int, d time.Duration) float64 {
	if d <= 0 || tokens <= 0 {
		return 0
	}
	return float64(tokens) / d.Seconds()
}

// commandError is an error with its code.
type commandError struct {
	code string
	error
}

func (e *commandError) Unwrap() error { return e.error }

// Coded makes err tell code to clients.
func Coded(code string, err error) error { return &commandError{code, err} }

func (c *client) fail(cmd trace.Command, err error) {
	code, hint := trace.Internal, ""
	var coded *commandError
	switch {
	case errors.As(err, &coded):
		code = coded.code
	case errors.Is(err, context.Canceled):
		code = "cancelled"
	case errors.Is(err, gpu.ErrDeviceLost):
		code = trace.DeviceLost
	case errors.Is(err, gpu.ErrOutOfMemory), errors.Is(err, gpu.ErrLimit):
		code = trace.OutOfMemory
	case errors.Is(err, gpu.ErrNoAdapter):
		code = trace.NoGPU
	case engine.IsFull(err):
		code = trace.ContextFull
	case errors.Is(err, chat.ErrUnknown):
		code = trace.BadModel
		if compile == nil {
			hint = "This engine knows some families of chat templates and runs none; the engine of tokenselect serve and tokenselect run can run the model's own."
		}
	}
	switch code {
	case trace.DeviceLost:
		hint = "The device was reset by its driver or the browser. Load it again; the document is still there and will be read anew."
	case trace.OutOfMemory:
		hint = "Use a shorter document or a smaller context, or close other programs and tabs that use the GPU."
	case trace.NoGPU:
		hint = "WebGPU needs Chrome or Edge 113, Safari 26 or Firefox 141 or later, or on Linux the flag --enable-unsafe-webgpu; without it the CPU does the work."
	case trace.ContextFull:
		hint = "Open the document again for a fresh conversation, or make the context larger."
	}
	c.send(trace.Event{Type: trace.Failed, ID: cmd.ID, Error: &trace.Error{Code: code, Message: err.Error(), Hint: hint}})
}
