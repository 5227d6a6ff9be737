package openai

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// answer is an answer on its way to a client.
type answer struct {
	h     *handler
	w     http.ResponseWriter
	began time.Time
	out   *Outcome
	usage bool
	id    string
	model string
}

// choice is the answer in a body, or a piece of it in a chunk.
type choice struct {
	Index    int       `json:"index"`
	Message  *Message  `json:"message,omitempty"`
	Delta    *delta    `json:"delta,omitempty"`
	Logprobs *struct{} `json:"logprobs"`
	Finish   *string   `json:"finish_reason"`
}

type delta struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content,omitempty"`
}

// envelope is a body or a chunk.
type envelope struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *Usage   `json:"usage,omitempty"`
}

func (a *answer) envelope(object string, choices ...choice) envelope {
	return envelope{ID: a.id, Object: object, Created: a.began.Unix(), Model: a.model, Choices: append([]choice{}, choices...)}
}

// run answers, and returns what went wrong when the client has been told of it.
func (a *answer) run(ctx context.Context, c completion) *Error {
	if c.stream {
		return a.stream(ctx, c)
	}
	var text strings.Builder
	res, err := a.complete(ctx, c, func(piece string) error {
		text.WriteString(piece)
		return nil
	})
	if err != nil {
		e := asError(ctx, err)
		e.write(a.w)
		return e
	}
	body := a.envelope("chat.completion", choice{Message: &Message{"assistant", text.String()}, Finish: &res.FinishReason})
	body.Usage = &res.Usage
	writeJSON(a.w, http.StatusOK, body)
	return nil
}

// complete asks the backend and keeps the times.
func (a *answer) complete(ctx context.Context, c completion, say func(text string) error) (Result, error) {
	var first time.Time
	res, err := a.h.backend.Complete(ctx, c.Request, func(d Delta) error {
		if d.Text == "" {
			return nil
		}
		if first.IsZero() {
			first = a.h.Now()
			a.out.First = first.Sub(a.began)
		}
		return say(d.Text)
	})
	res.Usage.TotalTokens = res.Usage.PromptTokens + res.Usage.CompletionTokens
	a.out.Usage = res.Usage
	if !first.IsZero() {
		a.out.Decode = a.h.Now().Sub(first)
	}
	return res, err
}

// stream answers in server-sent events.
func (a *answer) stream(ctx context.Context, c completion) *Error {
	s := newStream(a.w, a.h.WriteTimeout)
	stop := s.keepAlive(a.h.KeepAlive)
	said := false
	chunk := func(ch ...choice) error { return s.send(a.chunk(ch...)) }
	role := func() error {
		said = true
		return chunk(choice{Delta: &delta{Role: "assistant"}})
	}
	res, err := a.complete(ctx, c, func(piece string) error {
		if !said {
			if err := role(); err != nil {
				return err
			}
		}
		return chunk(choice{Delta: &delta{Content: piece}})
	})
	stop()
	if err != nil {
		e := asError(ctx, err)
		if s.failed() { // its client is not there to be told
			e = &Error{Status: statusClosed, Type: ServerError, Message: "the client took no more of its stream", Cause: err}
		} else if !s.begun() {
			e.write(a.w)
		} else if s.send(e) == nil {
			s.end()
		}
		return e
	}
	if !said {
		err = role()
	}
	if err == nil {
		err = chunk(choice{Delta: &delta{}, Finish: &res.FinishReason})
	}
	if err == nil && a.usage {
		last := a.envelope("chat.completion.chunk")
		last.Usage = &res.Usage
		err = s.send(last)
	}
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return asError(ctx, &Error{Status: statusClosed, Type: ServerError, Message: "the client took no more of its stream", Cause: err})
	}
	return nil
}

// chunk is a piece of a stream. Where the usage was asked for, every chunk but
// the last says that it has none.
func (a *answer) chunk(ch ...choice) any {
	e := a.envelope("chat.completion.chunk", ch...)
	if !a.usage {
		return e
	}
	return struct {
		envelope
		Usage *Usage `json:"usage"`
	}{envelope: e}
}
