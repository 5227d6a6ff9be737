package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"tokenselect/engine/trace"
)

// The most of what a request may hold.
const (
	maxMessages = 4096
	maxStop     = 16
	maxStopLen  = 1024 // bytes
)

// completion is the body of /v1/chat/completions.
type completion struct {
	Request
	stream bool
	usage  bool // the stream ends with a chunk of usage
}

// fields are the fields that are honoured and how each is read.
var fields = map[string]func(c *completion, raw json.RawMessage) error{
	"model":                 func(c *completion, raw json.RawMessage) error { return json.Unmarshal(raw, &c.Model) },
	"messages":              readMessages,
	"max_tokens":            readMaxTokens,
	"max_completion_tokens": readMaxTokens,
	"temperature":           func(c *completion, raw json.RawMessage) error { return within(raw, &c.Temperature, 0, 2) },
	"top_p":                 func(c *completion, raw json.RawMessage) error { return within(raw, &c.TopP, 0, 1) },
	"top_k":                 func(c *completion, raw json.RawMessage) error { return within(raw, &c.TopK, -1, 1<<30) },
	"repetition_penalty":    func(c *completion, raw json.RawMessage) error { return within(raw, &c.RepetitionPenalty, 0.01, 10) },
	"seed":                  func(c *completion, raw json.RawMessage) error { return json.Unmarshal(raw, &c.Seed) },
	"stop":                  readStop,
	"stream":                func(c *completion, raw json.RawMessage) error { return json.Unmarshal(raw, &c.stream) },
	"stream_options":        readStreamOptions,
	"selection":             readSelection,
	"response_format":       readFormat,
}

// harmless are the values, besides null, with which a field that is not
// honoured changes no answer. With another value it is refused; fields that are
// not named here are ignored, since clients send many that concern billing or
// bookkeeping.
var harmless = map[string][]string{
	"n":                  {"1"},
	"best_of":            {"1"},
	"tools":              {"[]"},
	"tool_choice":        {`"none"`, `"auto"`},
	"functions":          {"[]"},
	"function_call":      {`"none"`, `"auto"`},
	"logprobs":           {"false"},
	"top_logprobs":       {"0"},
	"prompt_logprobs":    {"0"},
	"logit_bias":         {"{}"},
	"presence_penalty":   {"0", "0.0"},
	"frequency_penalty":  {"0", "0.0"},
	"min_p":              {"0", "0.0"},
	"modalities":         {`["text"]`},
	"audio":              {},
	"web_search_options": {},
	"guided_json":        {},
	"guided_regex":       {},
	"guided_choice":      {},
	"guided_grammar":     {},
	"structured_outputs": {},
	"grammar":            {`""`},
	"json_schema":        {},
}

// parse reads a body. It is read piece by piece, so that fields which are not
// known are not kept.
func parse(body io.Reader) (completion, *Error) {
	var c completion
	dec := json.NewDecoder(body)
	if t, err := dec.Token(); err != nil {
		return c, badBody(err)
	} else if t != json.Delim('{') {
		return c, Invalid("", "", "the body is not a JSON object")
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return c, badBody(err)
		}
		name := t.(string) // what comes before a value in an object
		var e *Error
		if read := fields[name]; read != nil {
			var raw json.RawMessage
			if err = dec.Decode(&raw); err == nil && string(raw) != "null" {
				e = badField(name, read(&c, raw))
			}
		} else if fine, listed := harmless[name]; listed {
			var raw json.RawMessage
			if err = dec.Decode(&raw); err == nil && !isHarmless(raw, fine) {
				e = Invalid(name, "unsupported_parameter", "%s is not supported by this engine with any other value than %s", name, strings.Join(append(fine, "null"), ", "))
			}
		} else {
			err = dec.Decode(&skipped{})
		}
		if err != nil {
			return c, badBody(err)
		}
		if e != nil {
			return c, e
		}
	}
	if _, err := dec.Token(); err != nil {
		return c, badBody(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return c, Invalid("", "", "something follows the JSON object of the body")
	}
	if len(c.Messages) == 0 {
		return c, Invalid("messages", "", "messages: there are none, expected one or more")
	}
	return c, nil
}

// skipped is a value that nobody reads.
type skipped struct{}

func (*skipped) UnmarshalJSON([]byte) error { return nil }

// badBody is what a client is told of a body that is no JSON or too large.
func badBody(err error) *Error {
	var large *http.MaxBytesError
	var e *Error
	switch {
	case errors.As(err, &large):
		e = Invalid("", "request_too_large", "the body is larger than %d bytes", large.Limit)
		e.Status = http.StatusRequestEntityTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		e = Invalid("", "timeout", "the body did not arrive in time")
		e.Status = http.StatusRequestTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e = Invalid("", "", "the body ends before its JSON object does")
	default:
		e = Invalid("", "", "the body is not JSON: %v", err)
	}
	return e
}

func badField(name string, err error) *Error {
	var e *Error
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.As(err, &kind):
		at := name
		if kind.Field != "" {
			at += "." + kind.Field
		}
		return Invalid(name, "", "%s is a JSON %s, expected %s", at, kind.Value, kind.Type)
	}
	return Invalid(name, "", "%s: %v", name, err)
}

func isHarmless(raw json.RawMessage, fine []string) bool {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return false
	}
	for _, v := range append(fine, "null") {
		if b.String() == v {
			return true
		}
	}
	return false
}

// within reads a number and holds it to its limits.
func within[T int | float64](raw json.RawMessage, into **T, lo, hi T) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if v < lo || v > hi {
		return fmt.Errorf("%v, expected %v to %v", v, lo, hi)
	}
	*into = &v
	return nil
}

func readMaxTokens(c *completion, raw json.RawMessage) error {
	var n *int
	if err := within(raw, &n, 1, 1<<30); err != nil {
		return err
	}
	c.MaxTokens = *n
	return nil
}

func readStop(c *completion, raw json.RawMessage) error {
	c.Stop = nil
	var one string
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &c.Stop); err != nil {
			return err
		}
	} else if err := json.Unmarshal(raw, &one); err != nil {
		return err
	} else {
		c.Stop = []string{one}
	}
	if len(c.Stop) > maxStop {
		return fmt.Errorf("%d strings, expected at most %d", len(c.Stop), maxStop)
	}
	for i, s := range c.Stop {
		if s == "" || len(s) > maxStopLen {
			return fmt.Errorf("string %d has %d bytes, expected 1 to %d", i, len(s), maxStopLen)
		}
	}
	return nil
}

func readStreamOptions(c *completion, raw json.RawMessage) error {
	var o struct {
		IncludeUsage bool `json:"include_usage"`
	}
	err := json.Unmarshal(raw, &o)
	c.usage = o.IncludeUsage
	return err
}

// readSelection reads the policy and its budgets. It is this program's own
// field: a name in it that is not known is a mistake.
func readSelection(c *completion, raw json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	c.Selection = &trace.Selection{}
	return dec.Decode(c.Selection)
}
