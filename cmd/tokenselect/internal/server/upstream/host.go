package upstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/engine/trace"
)

// Host answers a page's commands from an upstream, as session.Host does from a
// model on this machine. Its events have no layout of the document and no steps:
// OpenAI's API does not tell what a model attends to.
type Host struct {
	Client *Client
	Where  string // for the greeting: "server"
}

// visitor is one client being served.
type visitor struct {
	h    *Host
	send func(trace.Event) error

	model     *openai.Model // loaded
	open      bool
	document  string
	selection *trace.Selection
	said      []openai.Message // the conversation so far

	job *job // the command that is being answered, nil: none
}

// job is a command that takes its time.
type job struct {
	command trace.Command
	cancel  context.CancelFunc
	last    atomic.Bool // its last event is being sent: the client may follow up before done is closed
	done    chan struct{}
}

// Serve answers commands until ctx ends or commands is closed. Events of one
// command come in order; send is called from one goroutine at a time, and its
// error ends the service.
func (h *Host) Serve(ctx context.Context, commands <-chan trace.Command, send func(trace.Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var sending sync.Mutex
	v := &visitor{h: h, send: func(e trace.Event) error {
		sending.Lock()
		defer sending.Unlock()
		err := send(e)
		if err != nil {
			cancel(err)
		}
		return err
	}}
	defer func() {
		if v.job != nil {
			v.job.cancel()
			<-v.job.done
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case cmd, ok := <-commands:
			if !ok {
				return nil
			}
			v.take(ctx, cmd)
		}
	}
}

// take starts to answer a command.
func (v *visitor) take(ctx context.Context, cmd trace.Command) {
	if v.job != nil && v.job.last.Load() {
		<-v.job.done
		v.job = nil
	}
	switch {
	case cmd.Type == trace.Hello:
		v.send(trace.Event{Type: trace.Hello, ID: cmd.ID, V: trace.Version, Where: v.h.Where})
	case cmd.Type == trace.Stop:
		if v.job != nil && (cmd.ID == 0 || cmd.ID == v.job.command.ID) {
			v.job.cancel()
		}
	case v.job != nil:
		v.send(failed(cmd, &trace.Error{Code: trace.Busy, Message: fmt.Sprintf("%s: the command %s is still being answered: stop it or wait for its end", cmd.Type, v.job.command.Type)}))
	default:
		ctx, cancel := context.WithCancel(ctx)
		j := &job{command: cmd, cancel: cancel, done: make(chan struct{})}
		v.job = j
		go func() {
			defer close(j.done)
			defer cancel()
			v.answer(ctx, cmd)
		}()
	}
}

func (v *visitor) answer(ctx context.Context, cmd trace.Command) {
	switch {
	case cmd.Type == trace.Load:
		v.load(ctx, cmd)
	case cmd.Type == trace.Unload:
		v.model, v.open, v.document, v.said = nil, false, "", nil
		v.finish(trace.Event{Type: trace.Unloaded, ID: cmd.ID})
	case v.model == nil:
		v.fail(cmd, &trace.Error{Code: trace.BadCommand, Message: cmd.Type + ": no model is loaded, expected the command load before it"})
	case cmd.Type == trace.Open:
		v.open, v.document, v.selection, v.said = true, cmd.Document, cmd.Selection, nil
		v.finish(trace.Event{Type: trace.Opened, ID: cmd.ID, Warning: v.warning(cmd)})
	case !v.open:
		v.fail(cmd, &trace.Error{Code: trace.BadCommand, Message: cmd.Type + ": no document is open, expected the command open before it (its document may be empty)"})
	case cmd.Type == trace.Select:
		v.choose(cmd)
		v.finish(trace.Event{Type: trace.Selected, ID: cmd.ID, Selection: v.selection, Warning: v.warning(cmd)})
	case cmd.Type == trace.Ask && cmd.Question == "":
		v.fail(cmd, &trace.Error{Code: trace.BadCommand, Message: "ask: question is empty"})
	case cmd.Type == trace.Ask:
		v.choose(cmd)
		v.ask(ctx, cmd)
	default:
		v.fail(cmd, &trace.Error{Code: trace.BadCommand, Message: fmt.Sprintf("command %q is not known", cmd.Type)})
	}
}

func (v *visitor) load(ctx context.Context, cmd trace.Command) {
	v.model, v.open = nil, false
	models, err := v.h.Client.Models(ctx)
	if err != nil {
		v.fail(cmd, told(ctx, err))
		return
	}
	for i := range models {
		if cmd.Model == "" || models[i].ID == cmd.Model {
			v.model = &models[i]
			v.finish(trace.Event{Type: trace.Loaded, ID: cmd.ID, Info: &trace.Info{
				Model: v.model.ID, Context: v.model.Context, Device: "upstream", Adapter: v.model.OwnedBy,
				Why: "this server has its answers computed by another engine"}})
			return
		}
	}
	v.fail(cmd, &trace.Error{Code: trace.BadModel, Message: fmt.Sprintf("load: the upstream engine has no model %.100q, it has %d others", cmd.Model, len(models))})
}

// ours tells whether the upstream is this program too, and takes a policy.
func (v *visitor) ours() bool { return v.model.OwnedBy == openai.Owner }

// choose changes policy and budgets. Fields that are left out stay.
func (v *visitor) choose(cmd trace.Command) {
	if cmd.Selection == nil {
		return
	}
	s := *cmd.Selection
	if old := v.selection; old != nil {
		if s.Policy == "" {
			s.Policy = old.Policy
		}
		if s.Index == "" {
			s.Index = old.Index
		}
		keep(&s.NInit, old.NInit)
		keep(&s.NLocal, old.NLocal)
		keep(&s.K, old.K)
		keep(&s.Chunk, old.Chunk)
		keep(&s.Tail, old.Tail)
		keep(&s.Theta, old.Theta)
		keep(&s.Pool, old.Pool)
	}
	v.selection = &s
}

func keep[T any](to **T, from *T) {
	if *to == nil {
		*to = from
	}
}

func (v *visitor) warning(cmd trace.Command) string {
	if cmd.Selection == nil || v.ours() {
		return ""
	}
	return "The engine behind this server decides by itself what it attends to; policy and budgets have no effect."
}

// join is the document, a blank line and the question, as package session has
// it.
func join(document, question string) string {
	document = strings.TrimRight(document, "\r\n")
	if document == "" {
		return question
	}
	return document + "\n\n" + question
}

// finish sends the last event of the command that is being answered.
func (v *visitor) finish(e trace.Event) {
	v.job.last.Store(true)
	v.send(e)
}

func (v *visitor) fail(cmd trace.Command, e *trace.Error) { v.finish(failed(cmd, e)) }

func failed(cmd trace.Command, e *trace.Error) trace.Event {
	return trace.Event{Type: trace.Failed, ID: cmd.ID, Error: e}
}

// told is an error as a page is told of it.
func told(ctx context.Context, err error) *trace.Error {
	e := &trace.Error{Code: trace.Internal, Message: "the engine behind this server failed", Hint: "Ask again; if it fails again, tell who runs this server."}
	var o *openai.Error
	switch {
	case errors.As(err, &o):
		e.Message = o.Message
	case ctx.Err() != nil:
		return &trace.Error{Code: "cancelled", Message: "the command was stopped"}
	default:
		return e
	}
	switch {
	case o.Code == "context_length_exceeded":
		e.Code, e.Hint = trace.ContextFull, "Open the document again for a fresh conversation, or use a shorter one."
	case o.Status == 429 || o.Status == 503:
		e.Code, e.Hint = trace.Overloaded, "Wait a little and ask again."
	case o.Status == 404:
		e.Code, e.Hint = trace.BadModel, "Choose another model."
	case o.Status == 400:
		e.Code, e.Hint = trace.BadCommand, ""
	}
	return e
}
