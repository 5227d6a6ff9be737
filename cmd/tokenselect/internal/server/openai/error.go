package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Error is an error as OpenAI's clients expect it.
type Error struct {
	Status     int           // of HTTP
	Message    string        // for the person
	Type       string        // "invalid_request_error", "server_error", ...
	Param      string        // the field that is wrong; "": none
	Code       string        // for the program; "": none
	RetryAfter time.Duration // when to try again; 0: not said

	// Cause is for the log and is not told to the client; may be nil.
	Cause error
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("openai: %s: %v", e.Message, e.Cause)
	}
	return "openai: " + e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// The types of errors.
const (
	InvalidRequest = "invalid_request_error"
	ServerError    = "server_error"
	Overloaded     = "overloaded_error"
)

// Invalid is an error of the field param.
func Invalid(param, code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: InvalidRequest, Param: param, Code: code, Message: fmt.Sprintf(format, args...)}
}

// MarshalJSON is the object of OpenAI's API. Empty fields are null there.
func (e *Error) MarshalJSON() ([]byte, error) {
	null := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	type object struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	return json.Marshal(map[string]object{"error": {e.Message, e.Type, null(e.Param), null(e.Code)}})
}

// statusClosed is what a request whose client has gone is counted as. Nobody
// receives it.
const statusClosed = 499

// asError is err as it is told. What a backend did not mean for clients stays
// in the log.
func asError(ctx context.Context, err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e), ctx.Err() != nil && errors.As(context.Cause(ctx), &e):
		return e
	case ctx.Err() != nil:
		return &Error{Status: statusClosed, Type: ServerError, Code: "cancelled", Message: "the request was cancelled", Cause: err}
	}
	return &Error{Status: http.StatusInternalServerError, Type: ServerError, Code: "internal_error", Message: "the engine failed; the server's log says how", Cause: err}
}

// write answers with the error. Nothing of the answer may have been sent.
func (e *Error) write(w http.ResponseWriter) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Round(time.Second)/time.Second)))
	}
	writeJSON(w, e.Status, e)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // plain values of this package: never
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
