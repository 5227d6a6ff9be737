// Package openai speaks the part of OpenAI's HTTP API that a model which answers
// from text can honour: /v1/chat/completions, streaming and not, and /v1/models.
// What computes the answers is a Backend.
package openai

import (
	"context"
	"encoding/json"

	"tokenselect/engine/trace"
)

// Backend computes answers.
type Backend interface {
	// Models lists what Request.Model may name, the default first.
	Models(ctx context.Context) ([]Model, error)

	// Complete answers a conversation and calls emit with each piece of the
	// answer as it comes. An error of emit ends the answer, as does the end of
	// ctx. Errors that are an *Error are told to the client as they are.
	Complete(ctx context.Context, r Request, emit func(Delta) error) (Result, error)
}

// Model is an entry of the list of models.
type Model struct {
	ID      string `json:"id"`
	Object  string `json:"object"` // "model"
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`

	// Context is the most tokens of a conversation, prompt and answer; 0: not
	// known. Clients of other engines read it under the second name.
	Context     int `json:"context_length,omitempty"`
	MaxModelLen int `json:"max_model_len,omitempty"`
}

// Owner is what OwnedBy says of models that this program runs.
const Owner = "tokenselect"

// Message is a turn of a conversation.
type Message struct {
	Role    string `json:"role"` // "system", "user" or "assistant"
	Content string `json:"content"`
}

// Request is a conversation to continue. A pointer is nil where the client left
// the field out.
type Request struct {
	Model             string // "": the default
	Messages          []Message
	MaxTokens         int // of the answer; 0: the backend's default
	Temperature       *float64
	TopP              *float64
	TopK              *int
	RepetitionPenalty *float64
	Seed              *int64
	Stop              []string // the answer ends before the first of them
	Selection         *trace.Selection
	Format            *Format // nil: any text
}

// Format is what an answer has to be.
type Format struct {
	Schema json.RawMessage // the JSON Schema that it satisfies
	Said   json.RawMessage // the client's response_format, for engines that take it as it is
}

// Delta is a piece of an answer.
type Delta struct{ Text string }

// The reasons for which an answer ends.
const (
	FinishStop   = "stop"   // the model's own end, or one of Request.Stop
	FinishLength = "length" // MaxTokens, or the context is full
)

// Result is how an answer ended.
type Result struct {
	Model        string // that answered
	FinishReason string
	Usage        Usage
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int           `json:"prompt_tokens"`
	CompletionTokens int           `json:"completion_tokens"`
	TotalTokens      int           `json:"total_tokens"`
	PromptDetails    PromptDetails `json:"prompt_tokens_details"`
}

// PromptDetails says which tokens of a prompt were not read anew.
type PromptDetails struct {
	CachedTokens int `json:"cached_tokens"`
}
