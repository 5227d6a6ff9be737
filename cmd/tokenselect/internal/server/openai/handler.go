package openai

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"mime"
	"net/http"
	"strings"
	"time"
)

// Config is how a handler serves. Zero durations and sizes are the defaults
// that are named.
type Config struct {
	Keys *Keys // who may come in; nil: everybody

	Body         int64         // bytes of a body; 16 MiB
	BodyTimeout  time.Duration // for a body to arrive; a minute
	WriteTimeout time.Duration // for a client to take a piece of a stream; 30 s
	Timeout      time.Duration // for an answer in all; an hour
	KeepAlive    time.Duration // of silence, after which a stream says that it is still there; 15 s

	Observe func(Outcome)    // is told of every completion that was asked for; may be nil
	Log     func(err error)  // is told what clients are not; nil: package log
	Now     func() time.Time // nil: time.Now
}

// Outcome is what became of a request for a completion.
type Outcome struct {
	Status int // of HTTP, also of an error that came when 200 had been sent; 499: the client went
	Stream bool
	Usage  Usage
	First  time.Duration // from the request to the first piece of text; 0: there was none
	Decode time.Duration // from the first piece to the end
	Took   time.Duration // in all
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		to *time.Duration
		or time.Duration
	}{{&c.BodyTimeout, time.Minute}, {&c.WriteTimeout, 30 * time.Second}, {&c.Timeout, time.Hour}, {&c.KeepAlive, 15 * time.Second}} {
		if *d.to == 0 {
			*d.to = d.or
		}
	}
	if c.Body == 0 {
		c.Body = 16 << 20
	}
	if c.Observe == nil {
		c.Observe = func(Outcome) {}
	}
	if c.Log == nil {
		c.Log = func(err error) { log.Print(err) }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

type handler struct {
	Config
	backend Backend
}

// New serves /v1/ from a backend.
func New(b Backend, c Config) http.Handler {
	h := &handler{c.withDefaults(), b}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", h.complete)
	mux.HandleFunc("GET /v1/models", h.models)
	mux.HandleFunc("GET /v1/models/{id...}", h.model)
	for path, method := range map[string]string{"/v1/chat/completions": "POST", "/v1/models": "GET", "/v1/models/": "GET"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", method)
			e := Invalid("", "method_not_allowed", "%s takes %s, not %.20s", path, method, r.Method)
			e.Status = http.StatusMethodNotAllowed
			e.write(w)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		e := Invalid("", "unknown_url", "%.200q is not served; there are /v1/chat/completions and /v1/models", r.URL.Path)
		e.Status = http.StatusNotFound
		e.write(w)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e := h.Keys.check(r); e != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			e.write(w)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (h *handler) models(w http.ResponseWriter, r *http.Request) {
	list, err := h.backend.Models(r.Context())
	if err != nil {
		h.tell(asError(r.Context(), err)).write(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": append([]Model{}, list...)})
}

func (h *handler) model(w http.ResponseWriter, r *http.Request) {
	list, err := h.backend.Models(r.Context())
	if err != nil {
		h.tell(asError(r.Context(), err)).write(w)
		return
	}
	for _, m := range list {
		if m.ID == r.PathValue("id") {
			writeJSON(w, http.StatusOK, m)
			return
		}
	}
	NoModel(r.PathValue("id")).write(w)
}

// NoModel is the error of a model that there is not.
func NoModel(name string) *Error {
	e := Invalid("model", "model_not_found", "the model %.100q is not served here; /v1/models lists those that are", name)
	e.Status = http.StatusNotFound
	return e
}

// tell logs what e does not say to the client.
func (h *handler) tell(e *Error) *Error {
	if e.Cause != nil && e.Status != statusClosed {
		h.Log(e)
	}
	return e
}

func (h *handler) complete(w http.ResponseWriter, r *http.Request) {
	began := h.Now()
	c, e := h.read(w, r)
	out := Outcome{Stream: c.stream}
	if e == nil {
		out.Status = http.StatusOK
		ctx, cancel := context.WithTimeoutCause(r.Context(), h.Timeout, &Error{
			Status: http.StatusGatewayTimeout, Type: ServerError, Code: "timeout",
			Message: fmt.Sprintf("the answer took longer than %v", h.Timeout)})
		defer cancel()
		a := &answer{h: h, w: w, began: began, out: &out, usage: c.usage, id: "chatcmpl-" + rand.Text(), model: c.Model}
		e = a.run(ctx, c)
	} else {
		e.write(w)
	}
	if e != nil {
		out.Status = h.tell(e).Status
	}
	out.Took = h.Now().Sub(began)
	h.Observe(out)
}

// read takes the request in.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (completion, *Error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		// A page of another site can send anything else without being asked.
		e := Invalid("", "unsupported_media_type", "the body is of type %.40q, expected application/json", kind)
		e.Status = http.StatusUnsupportedMediaType
		return completion{}, e
	}
	control := http.NewResponseController(w)
	control.SetReadDeadline(h.Now().Add(h.BodyTimeout)) // where it is not supported, the server's own holds
	c, e := parse(http.MaxBytesReader(w, r.Body, h.Body))
	if e != nil {
		w.Header().Set("Connection", "close") // what is left of the body is not read
		return c, e
	}
	control.SetReadDeadline(time.Time{})
	if c.Model = strings.TrimSpace(c.Model); c.Model == "" {
		list, err := h.backend.Models(r.Context())
		if err != nil {
			return c, asError(r.Context(), err)
		}
		if len(list) == 0 {
			return c, NoModel("")
		}
		c.Model = list[0].ID
	}
	return c, nil
}
