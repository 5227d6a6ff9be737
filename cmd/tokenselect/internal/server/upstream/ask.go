package upstream

import (
	"context"
	"errors"
	"strings"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/engine/trace"
)

// stopped is the reason of an answer that its client ended.
const stopped = "stopped"

// ask has a question answered. A question that was stopped before any of its
// answer came, or that failed, is no part of the conversation.
func (v *visitor) ask(ctx context.Context, cmd trace.Command) {
	content := cmd.Question
	if len(v.said) == 0 {
		content = join(v.document, cmd.Question)
	}
	r := v.request(cmd)
	r.Messages = append(v.said[:len(v.said):len(v.said)], openai.Message{Role: "user", Content: content})

	began := time.Now()
	ms := func() float64 { return float64(time.Since(began).Microseconds()) / 1000 }
	var first, last float64
	var text strings.Builder
	pieces := 0
	res, err := v.h.Client.Complete(ctx, r, func(d openai.Delta) error {
		pieces++
		last = ms()
		if first == 0 {
			first = last
		}
		text.WriteString(d.Text)
		return v.send(trace.Event{Type: trace.Token, ID: cmd.ID, Text: d.Text, MS: last})
	})
	reason := res.FinishReason
	if err != nil {
		var o *openai.Error
		if ctx.Err() == nil || errors.As(err, &o) {
			v.fail(cmd, told(ctx, err))
			return
		}
		reason, res.Usage.CompletionTokens = stopped, pieces
	}
	if text.Len() > 0 || err == nil {
		v.said = append(r.Messages, openai.Message{Role: "assistant", Content: text.String()})
	}
	stats := &trace.Stats{
		PromptTokens: res.Usage.PromptTokens - res.Usage.PromptDetails.CachedTokens, AnswerTokens: res.Usage.CompletionTokens,
		Context: res.Usage.PromptTokens + res.Usage.CompletionTokens, FirstMS: first,
	}
	if n := res.Usage.CompletionTokens - 1; n > 0 && last > first {
		stats.DecodeTPS = float64(n) / (last - first) * 1000
	}
	v.finish(trace.Event{Type: trace.Done, ID: cmd.ID, Reason: reason, Text: text.String(), MS: ms(), Stats: stats})
}

// request is what a command says of how to answer.
func (v *visitor) request(cmd trace.Command) openai.Request {
	r := openai.Request{Model: v.model.ID, MaxTokens: cmd.MaxTokens}
	if r.MaxTokens == 0 {
		r.MaxTokens = trace.DefaultMaxTokens
	}
	if v.ours() {
		r.Selection = v.selection
	}
	s := trace.Sample{} // the most likely token
	if cmd.Sample != nil {
		s = *cmd.Sample
	}
	r.Temperature = &s.Temperature
	if s.TopP > 0 {
		r.TopP = &s.TopP
	}
	if s.TopK > 0 {
		r.TopK = &s.TopK
	}
	if s.RepetitionPenalty > 0 {
		r.RepetitionPenalty = &s.RepetitionPenalty
	}
	if s.Temperature > 0 {
		seed := int64(s.Seed)
		r.Seed = &seed
	}
	return r
}
