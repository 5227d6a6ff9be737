package upstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
)

// What goes wrong with an upstream that answers.
var (
	errStalled = errors.New("upstream: nothing came for too long")
	errDied    = errors.New("upstream: the connection ended before the answer did")
)

func bad(status int, code, message string, cause error) *openai.Error {
	return &openai.Error{Status: status, Type: openai.ServerError, Code: code, Message: message, Cause: cause}
}

// garbage is the error of an upstream that does not speak OpenAI's API.
func garbage(cause error) error {
	return bad(http.StatusBadGateway, "upstream_garbage", "the upstream engine sent what is not OpenAI's API", cause)
}

// unreachable is an error of the connection. Where the client went, it is its
// context's. Clients are not told the upstream's address.
func (c *Client) unreachable(ctx context.Context, err error) error {
	var timeout net.Error
	switch {
	case errors.Is(context.Cause(ctx), errStalled), errors.Is(err, errStalled), ctx.Err() == nil && errors.As(err, &timeout) && timeout.Timeout():
		return bad(http.StatusGatewayTimeout, "upstream_timeout", "the upstream engine did not answer in time", c.hide(err))
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return bad(http.StatusBadGateway, "upstream_unreachable", "the upstream engine cannot be reached", c.hide(err))
}

// hide removes the key from an error, should anything have put it there.
func (c *Client) hide(err error) error {
	if c.Key == "" || err == nil || !strings.Contains(err.Error(), c.Key) {
		return err
	}
	return errors.New(c.redact(err.Error()))
}

func (c *Client) redact(s string) string {
	if c.Key == "" {
		return s
	}
	return strings.ReplaceAll(s, c.Key, "[key]")
}

// The most of an upstream's error that is read, and that is told.
const (
	errorLimit   = 64 << 10
	messageLimit = 1000
)

// refusal is the upstream's error as one of this server's. An upstream that
// does not take this server's key is not the client's fault.
func (c *Client) refusal(resp *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, errorLimit)) // the status is worth telling without it
	e := c.parseError(raw)
	cause := fmt.Errorf("upstream: status %s: %s", resp.Status, e.Message)
	status := resp.StatusCode
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return bad(http.StatusBadGateway, "upstream_key", "the upstream engine does not accept this server's API key", cause)
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		if e.Type == "" {
			e.Type = openai.Overloaded
		}
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 && s < 3600 {
			e.RetryAfter = time.Duration(s) * time.Second
		}
	case status >= 400 && status < 500:
		if e.Type == "" {
			e.Type = openai.InvalidRequest
		}
	case status == http.StatusGatewayTimeout:
	default: // its failures, redirects, and what is no answer to a request
		status, e.Cause = http.StatusBadGateway, cause
	}
	e.Status = status
	if e.Type == "" {
		e.Type = openai.ServerError
	}
	if e.Message == "" {
		e.Message = "the upstream engine answered with status " + strconv.Itoa(resp.StatusCode)
	}
	return e
}

// parseError reads an upstream's error: OpenAI's object, vLLM's older flat one,
// FastAPI's detail, or a text.
func (c *Client) parseError(raw []byte) *openai.Error {
	type object struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Param   any    `json:"param"`
		Code    any    `json:"code"` // a text, or vLLM's number
	}
	var body struct {
		object
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	e := &openai.Error{}
	if json.Unmarshal(raw, &body) == nil {
		o := body.object
		if json.Unmarshal(body.Error, &o) != nil { // none, or a text
			json.Unmarshal(body.Error, &o.Message)
		}
		if o.Message == "" && json.Unmarshal(body.Detail, &o.Message) != nil {
			o.Message = string(body.Detail)
		}
		e.Message, e.Type = o.Message, o.Type
		e.Param, _ = o.Param.(string)
		e.Code, _ = o.Code.(string)
	} else {
		e.Message = strings.TrimSpace(string(raw))
	}
	e.Message, e.Type, e.Param, e.Code = c.clean(e.Message), c.clean(e.Type), c.clean(e.Param), c.clean(e.Code)
	return e
}

// clean is a text of the upstream as it may be told.
func (c *Client) clean(s string) string {
	s = c.redact(s)
	if len(s) > messageLimit {
		s = strings.ToValidUTF8(s[:messageLimit], "") + " ..."
	}
	return s
}
