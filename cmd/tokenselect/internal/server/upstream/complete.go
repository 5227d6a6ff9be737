package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/engine/trace"
)

// question is a request on the wire. What the client left open is left to the
// upstream.
type question struct {
	Model             string           `json:"model"`
	Messages          []openai.Message `json:"messages"`
	MaxTokens         int              `json:"max_tokens,omitempty"`
	Temperature       *float64         `json:"temperature,omitempty"`
	TopP              *float64         `json:"top_p,omitempty"`
	TopK              *int             `json:"top_k,omitempty"`
	RepetitionPenalty *float64         `json:"repetition_penalty,omitempty"`
	Seed              *int64           `json:"seed,omitempty"`
	Stop              []string         `json:"stop,omitempty"`
	Selection         *trace.Selection `json:"selection,omitempty"`
	ResponseFormat    json.RawMessage  `json:"response_format,omitempty"`
	Stream            bool             `json:"stream"`
	StreamOptions     struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// chunk is a piece of an answer, or a whole one.
type chunk struct {
	Choices []struct {
		Delta   struct{ Content *string }
		Message struct{ Content *string }
		Finish  *string `json:"finish_reason"`
	}
	Usage *openai.Usage
	Error json.RawMessage
}

// bodyLimit is the most of an answer that comes in one piece.
const bodyLimit = 16 << 20

// Complete has an answer computed. Upstream is asked for a stream in any case:
// so that it can be told when nobody listens any more, and when it is stuck.
func (c *Client) Complete(ctx context.Context, r openai.Request, emit func(openai.Delta) error) (openai.Result, error) {
	q := question{Model: r.Model, Messages: r.Messages, MaxTokens: r.MaxTokens, Temperature: r.Temperature, TopP: r.TopP, TopK: r.TopK,
		RepetitionPenalty: r.RepetitionPenalty, Seed: r.Seed, Stop: r.Stop, Selection: r.Selection, Stream: true}
	q.StreamOptions.IncludeUsage = true
	if r.Format != nil { // whether it can keep to it is for the upstream to say
		q.ResponseFormat = r.Format.Said
	}
	if q.Model == "" {
		models, err := c.Models(ctx)
		if err != nil {
			return openai.Result{}, err
		}
		if len(models) == 0 {
			return openai.Result{}, bad(http.StatusBadGateway, "upstream_models", "the upstream engine serves no model", nil)
		}
		q.Model = models[0].ID
	}
	body, err := json.Marshal(q)
	if err != nil {
		return openai.Result{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil) // tells the upstream, if it is still at work
	resp, err := c.do(ctx, http.MethodPost, "/chat/completions", body)
	if err != nil {
		return openai.Result{}, err
	}
	defer resp.Body.Close()
	a := &incoming{c: c, ctx: ctx, emit: emit}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/json" {
		err = a.whole(resp.Body, cancel)
	} else {
		err = a.stream(resp.Body, cancel)
	}
	return a.res, err
}

// incoming is an answer as it comes.
type incoming struct {
	c      *Client
	ctx    context.Context
	emit   func(openai.Delta) error
	res    openai.Result
	pieces int
	ended  bool // a reason for the end has come
}

// stream reads server-sent events until the last. The time between them is
// bounded; the time that emit takes is not counted, and nothing is read
// meanwhile, so that a slow client slows the upstream down.
func (a *incoming) stream(body io.Reader, cancel context.CancelCauseFunc) error {
	events := newEvents(body)
	for n := 0; ; n++ {
		wait := a.c.Idle
		if a.pieces == 0 { // the prompt is still being read
			wait = a.c.First
		}
		timer := time.AfterFunc(wait, func() { cancel(errStalled) })
		data, err := events.next()
		timer.Stop()
		switch {
		case errors.Is(err, io.EOF) && a.ended:
			return a.done() // some do not send the mark
		case errors.Is(err, io.EOF) && n == 0:
			return garbage(errors.New("upstream: no event in what came"))
		case errors.Is(err, errLong):
			return garbage(err)
		case err != nil:
			return a.broken(err)
		case data == "[DONE]":
			if !a.ended {
				return garbage(errors.New("upstream: the stream ends without a finish_reason"))
			}
			return a.done()
		}
		var ch chunk
		if err := json.Unmarshal([]byte(data), &ch); err != nil {
			return garbage(fmt.Errorf("upstream: an event of the stream: %w", err))
		}
		if err := a.take(ch, data); err != nil {
			return err
		}
	}
}

// broken is why a stream ended in the middle.
func (a *incoming) broken(err error) error {
	switch cause := context.Cause(a.ctx); {
	case errors.Is(cause, errStalled):
		return bad(http.StatusGatewayTimeout, "upstream_stalled", "the upstream engine stalled: nothing more of the answer came", a.c.hide(cause))
	case cause != nil:
		return cause
	}
	return bad(http.StatusBadGateway, "upstream_died", "the upstream engine ended the connection in the middle of the answer", fmt.Errorf("%w: %w", errDied, a.c.hide(err)))
}

// whole reads the answer of an upstream that does not stream.
func (a *incoming) whole(body io.Reader, cancel context.CancelCauseFunc) error {
	timer := time.AfterFunc(a.c.First, func() { cancel(errStalled) })
	raw, err := io.ReadAll(io.LimitReader(body, bodyLimit))
	timer.Stop()
	if err != nil {
		return a.broken(err)
	}
	var ch chunk
	if err := json.Unmarshal(raw, &ch); err != nil {
		return garbage(fmt.Errorf("upstream: the answer: %w", err))
	}
	if err := a.take(ch, string(raw)); err != nil {
		return err
	}
	if !a.ended {
		return garbage(errors.New("upstream: an answer without a finish_reason"))
	}
	return a.done()
}

// take passes a piece on.
func (a *incoming) take(ch chunk, raw string) error {
	if len(ch.Error) > 0 && string(ch.Error) != "null" {
		e := a.c.parseError([]byte(raw))
		if e.Message == "" {
			e.Message = "the upstream engine failed in the middle of the answer"
		}
		if e.Type == "" {
			e.Type = openai.ServerError
		}
		e.Status = http.StatusBadGateway
		return e
	}
	if ch.Usage != nil {
		a.res.Usage = *ch.Usage
	}
	if len(ch.Choices) == 0 {
		return nil
	}
	choice := ch.Choices[0]
	for _, text := range []*string{choice.Delta.Content, choice.Message.Content} {
		if text == nil || *text == "" {
			continue
		}
		a.pieces++
		if err := a.emit(openai.Delta{Text: *text}); err != nil {
			return err
		}
	}
	if choice.Finish != nil && *choice.Finish != "" {
		a.ended, a.res.FinishReason = true, *choice.Finish
	}
	return nil
}

// done checks what has come. An upstream that counts nothing had as many tokens
// as pieces, as far as can be told.
func (a *incoming) done() error {
	if !strings.Contains(" stop length content_filter ", " "+a.res.FinishReason+" ") {
		a.res.FinishReason = openai.FinishStop
	}
	if a.res.Usage.CompletionTokens == 0 {
		a.res.Usage.CompletionTokens = a.pieces
	}
	return nil
}
