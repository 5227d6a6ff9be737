package pool

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/engine"
	"tokenselect/engine/chat"
	"tokenselect/engine/gpu"
	"tokenselect/engine/sample"
	"tokenselect/engine/selection"
)

// later is when a client that was turned away should try again.
const later = 5 * time.Second

// Complete answers a conversation. Where the request says nothing else the most
// likely token is taken each time: a model that reads from a text should not
// guess.
func (p *Pool) Complete(ctx context.Context, r openai.Request, emit func(openai.Delta) error) (openai.Result, error) {
	var res openai.Result
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return res, closed()
	}
	p.busy.Add(1)
	p.mu.Unlock()
	defer p.busy.Done()

	if r.Model != "" && r.Model != p.Name {
		return res, openai.NoModel(r.Model)
	}
	cfg, opt, err := p.options(r)
	if err != nil {
		return res, err
	}
	constraint, err := p.constraint(r)
	if err != nil {
		return res, err
	}
	// Before the text becomes tokens: that takes its time too.
	if p.Turn != nil {
		release, err := p.Turn(ctx, func(int) {})
		if err != nil {
			if ctx.Err() != nil {
				return res, context.Cause(ctx)
			}
			return res, unavailable("overloaded", "too many requests are waiting", err)
		}
		defer release()
	}
	ids, err := p.prompt(r)
	if err != nil {
		return res, err
	}
	res.Usage.PromptTokens = len(ids)
	room := r.MaxTokens
	if room == 0 {
		room = p.MaxTokens
	}
	room = min(room, p.Context-len(ids))
	if need := p.bytes(p.Context, len(ids)+room, cfg); need > p.Memory {
		return res, openai.Invalid("selection", "", "this conversation with these budgets takes %d bytes of memory, the server gives %d", need, p.Memory)
	}
	e, cached, err := p.await(ctx, ids, len(ids)+room, cfg)
	switch {
	case errors.Is(err, ErrGone):
		return res, err
	case errors.Is(err, gpu.ErrDeviceLost):
		return res, fmt.Errorf("%w: %w", ErrGone, p.failure(ctx, err))
	case err != nil:
		return res, p.failure(ctx, err)
	}
	res.Usage.PromptDetails.CachedTokens = cached
	if err := e.s.Prefill(ctx, ids[cached:], nil); err != nil {
		// What was read of a prompt whose client went is good for the next.
		if ctx.Err() != nil {
			p.give(e, ids, e.s.Len())
		} else {
			p.discard(e)
		}
		return res, p.failure(ctx, err)
	}
	err = p.generate(ctx, e.s, ids, room, opt, constraint, r.Stop, emit, &res)
	if err != nil && ctx.Err() == nil && !errors.As(err, new(emitError)) {
		p.discard(e)
	} else {
		p.give(e, ids, len(ids))
	}
	return res, p.failure(ctx, err)
}

// options are the request's, each error with the name of its field.
func (p *Pool) options(r openai.Request) (selection.Config, sample.Options, error) {
	cfg, err := p.Model.Apply(r.Selection)
	if err != nil {
		return cfg, sample.Options{}, openai.Invalid("selection", "", "%v", err)
	}
	opt := sample.Options{Seed: rand.Uint64()}
	if r.Temperature != nil {
		opt.Temperature = *r.Temperature
	}
	if r.TopP != nil {
		opt.TopP = *r.TopP
	}
	if r.TopK != nil {
		opt.TopK = max(0, *r.TopK) // -1 is all, as vLLM has it
	}
	if r.RepetitionPenalty != nil {
		opt.Penalty = *r.RepetitionPenalty
	}
	if r.Seed != nil {
		opt.Seed = uint64(*r.Seed)
	}
	if r.TopP != nil && *r.TopP == 0 { // the smallest set that reaches nothing is the most likely token
		opt.TopK, opt.TopP = 1, 1
	}
	if err := opt.Validate(); err != nil {
		return cfg, opt, openai.Invalid("", "", "%v", err)
	}
	return cfg, opt, nil
}

// constraint is what an answer has to keep to, nil: nothing.
func (p *Pool) constraint(r openai.Request) (engine.Constraint, error) {
	if r.Format == nil {
		return nil, nil
	}
	g, err := p.vocabulary().Schema(r.Format.Schema)
	if err != nil {
		return nil, openai.Invalid("response_format", "invalid_schema", "response_format: the schema cannot be kept to: %v", err)
	}
	return g.Start(), nil
}

// prompt is the request's tokens.
func (p *Pool) prompt(r openai.Request) ([]int, error) {
	messages := make([]chat.Message, len(r.Messages))
	for i, m := range r.Messages {
		messages[i] = chat.Message{Role: m.Role, Content: m.Content}
	}
	ids, err := p.Model.Prompt(messages)
	if err != nil {
		return nil, openai.Invalid("messages", "", "%v", err)
	}
	if len(ids) >= p.Context {
		return nil, openai.Invalid("messages", "context_length_exceeded",
			"the messages are %d tokens, the longest conversation here is %d with its answer", len(ids), p.Context)
	}
	return ids, nil
}

// emitError is an error of who listens, not of the engine.
type emitError struct{ error }

func (e emitError) Unwrap() error { return e.error }

func (p *Pool) generate(ctx context.Context, s *engine.Session, ids []int, room int, opt sample.Options, constraint engine.Constraint, stops []string, emit func(openai.Delta) error, res *openai.Result) error {
	stream, cut := p.Model.Tokenizer.TextStream(), newCutter(stops)
	errStop := errors.New("a stop string has come")
	say := func(text string) error {
		if text == "" {
			return nil
		}
		if err := emit(openai.Delta{Text: text}); err != nil {
			return emitError{err}
		}
		return nil
	}
	push := func(text string) error {
		text, found := cut.push(text)
		if err := say(text); err != nil {
			return err
		}
		if found {
			return errStop
		}
		return nil
	}
	gen, err := s.Generate(ctx, engine.GenerateOptions{
		MaxTokens: room, Sample: opt, History: ids,
		Stop: p.Model.IsEnd, Ahead: p.Model.Engine.Ahead(), Constraint: constraint,
		Emit: func(id int) error { return push(stream.Push(id)) },
	})
	res.Usage.CompletionTokens = len(gen.IDs)
	if err == nil {
		err = push(stream.Flush())
	}
	if err == nil {
		err = say(cut.flush())
	}
	if errors.Is(err, errStop) {
		gen.Reason, err = engine.Stopped, nil
	}
	res.FinishReason = openai.FinishLength
	if gen.Reason == engine.Stopped {
		res.FinishReason = openai.FinishStop
	}
	return err
}

// DeviceLost is the code of an error for which the device is to blame.
const DeviceLost = "device_lost"

// ErrGone is an error of a request that the pool has not begun to read: it is
// closed, or its device is lost. Another pool may answer it.
var ErrGone = errors.New("pool: it answers no more")

func closed() error {
	return fmt.Errorf("%w: %w", ErrGone, unavailable("shutting_down", "the server is shutting down", nil))
}

func unavailable(code, message string, cause error) error {
	return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.Overloaded, Code: code, Message: message, RetryAfter: later, Cause: cause}
}

// failure is err as a client should hear of it.
func (p *Pool) failure(ctx context.Context, err error) error {
	var told *openai.Error
	switch {
	case err == nil || errors.As(err, &told):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errMemory):
		return unavailable("overloaded", "all memory for conversations is taken", err)
	case errors.Is(err, gpu.ErrOutOfMemory), errors.Is(err, gpu.ErrLimit):
		return unavailable("out_of_memory", "the device has no memory left for this conversation", err)
	case errors.Is(err, gpu.ErrDeviceLost):
		return unavailable(DeviceLost, "the server's device was lost; ask again", err)
	case engine.IsFull(err):
		return openai.Invalid("messages", "context_length_exceeded", "the conversation is longer than the %d tokens that fit", p.Context)
	}
	return fmt.Errorf("pool: %w", err)
}
