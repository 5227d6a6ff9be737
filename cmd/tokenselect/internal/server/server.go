// Package server is tokenselect as a web server: the page with its engine and
// weights, the server's own engine over websockets for pages without a GPU, and
// OpenAI's API.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"runtime"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/assets"
	"tokenselect/cmd/tokenselect/internal/server/budget"
	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/cmd/tokenselect/internal/server/live"
	"tokenselect/cmd/tokenselect/internal/server/metrics"
	"tokenselect/cmd/tokenselect/internal/server/queue"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
)

// Config is what a server serves. Zero values are the defaults that are named.
type Config struct {
	Static  fs.FS             // the page, index.html at its root
	Files   map[string][]byte // more files of it: the engine for browsers
	Missing map[string]string // why files that the page may ask for are not there
	Catalog *catalog.Catalog

	// Load gives websocket clients a model of this machine. Host, if not nil,
	// takes its place, for answers from elsewhere.
	Load func(ctx context.Context, c trace.Command, progress func(phase string, done, total int64)) (session.Loaded, error)
	Host live.Host

	System string // what this machine's models are told before every document of a page

	// Health is why nothing can be answered at the moment, in one line, or nil.
	// It may be nil itself.
	Health func() error

	Generations int   // answers at a time; 4
	Queue       int   // questions that wait; 256
	Memory      int64 // bytes of device memory for all conversations; 2 GiB

	Live    live.Config // NewHost, Origin and Watch are set here
	Origins []string    // of other sites whose pages may use this server: "https://example.org"
	Log     func(error) // nil: nothing is told
}

// Server is a handler with all that belongs to it.
type Server struct {
	Metrics *metrics.Metrics

	c       Config
	queue   *queue.Queue
	budget  *budget.Budget
	hub     *live.Hub
	assets  *assets.Assets
	mux     *http.ServeMux
	handler http.Handler
}

// New makes a server. Handle adds what else it serves.
func New(c Config) (*Server, error) {
	if c.Generations == 0 {
		c.Generations = 4
	}
	if c.Queue == 0 {
		c.Queue = 256
	}
	if c.Memory == 0 {
		c.Memory = 2 << 30
	}
	if c.Log == nil {
		c.Log = func(error) {}
	}
	for _, o := range c.Origins {
		if !IsOrigin(o) {
			return nil, fmt.Errorf("server: origin %q, expected one like https://example.org", o)
		}
	}
	s := &Server{Metrics: metrics.New(), c: c, mux: http.NewServeMux()}
	var err1, err2, err3 error
	s.queue, err1 = queue.New(c.Generations, c.Queue)
	s.budget, err2 = budget.New(c.Memory)
	s.assets, err3 = assets.New(c.Static, c.Files, c.Missing)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	c.Live.NewHost, c.Live.Origin, c.Live.Watch, c.Live.Log = s.newHost, allowed(c.Origins), s.watch, c.Log
	s.hub = live.New(c.Live)
	s.gauges()

	s.mux.Handle("/ws", s.hub)
	s.Handle("files", "/", s.assets)
	s.Handle("models", "GET /models.json", http.HandlerFunc(c.Catalog.ServeList))
	s.Handle("weights", "GET /weights/{file}", http.HandlerFunc(c.Catalog.ServeWeights))
	s.Handle("health", "GET /healthz", http.HandlerFunc(s.health))
	s.Handle("metrics", "GET /metrics", s.Metrics)
	s.handler = protect(s.mux, c.Origins)
	return s, nil
}

// Handle adds a handler; its requests are counted under the name of route.
func (s *Server) Handle(route, pattern string, h http.Handler) {
	s.mux.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &counted{ResponseWriter: w, status: http.StatusOK}
		defer func() { s.Metrics.Requested(route, c.status) }()
		h.ServeHTTP(c, r)
	}))
}

// ServeHTTP serves everything.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// newHost is what the commands of one more client run on.
func (s *Server) newHost() live.Host {
	if s.c.Host != nil {
		return s.c.Host
	}
	tenant := s.budget.Tenant()
	return &session.Host{
		Where:  "server",
		System: s.c.System,
		Load:   s.c.Load,
		Turn: func(ctx context.Context, position func(int)) (func(), error) {
			release, err := s.Turn(ctx, position)
			switch {
			case errors.Is(err, queue.ErrFull):
				return nil, session.Coded(trace.Overloaded, errors.New("the server has as many questions waiting as it takes; ask again a little later"))
			case errors.Is(err, queue.ErrClosed):
				return nil, session.Coded(trace.Overloaded, errors.New("the server is shutting down; ask again when it is back"))
			case err == nil:
				tenant.Touch()
			}
			return release, err
		},
		Reserve: tenant.Wait,
	}
}

// Turn waits for the turn of a question: those of pages and of the API stand in
// one queue.
func (s *Server) Turn(ctx context.Context, position func(int)) (release func(), err error) {
	end, err := s.queue.Turn(ctx, position)
	if err != nil {
		return nil, err
	}
	return func() {
		end()
		s.budget.Idle()
	}, nil
}

// Reserve takes memory for a conversation of the API, or does not: what to wait
// for is the caller's to know.
func (s *Server) Reserve(bytes int64, evict func() bool) (release func(), err error) {
	return s.budget.Tenant().Reserve(bytes, evict)
}

// watch counts what clients are told.
func (s *Server) watch(w live.Watched) {
	e := w.Event
	a := metrics.Answer{Via: "page"}
	switch {
	case e.Type == trace.Failed && e.Error != nil:
		s.Metrics.Add("tokenselect_errors_total", "Errors told to pages, by code.", 1, "code", e.Error.Code)
		return
	case e.Type != trace.Done || e.Stats == nil:
		return
	}
	a.Result = "done"
	if e.Reason == session.Stopped {
		a.Result = "stopped"
	}
	a.PromptTokens, a.AnswerTokens, a.CacheHits, a.CacheMisses = e.Stats.PromptTokens, e.Stats.AnswerTokens, e.Stats.CacheHits, e.Stats.CacheMisses
	a.Decode = e.Stats.DecodeTPS
	if e.Stats.FirstMS > 0 {
		// The figures leave the waiting in the queue out.
		a.First = w.Since - time.Duration((e.MS-e.Stats.FirstMS)*float64(time.Millisecond))
	}
	s.Metrics.Answered(a)
}

func (s *Server) gauges() {
	m := s.Metrics
	of := func(read func() int) func() float64 { return func() float64 { return float64(read()) } }
	m.Gauge("tokenselect_generations_running", "Answers that are being computed.", of(func() int { n, _ := s.queue.Stats(); return n }))
	m.Gauge("tokenselect_queue_length", "Questions that wait for their turn.", of(func() int { _, n := s.queue.Stats(); return n }))
	m.Gauge("tokenselect_sessions", "Sessions of pages, connected or expected back.", of(func() int { return s.hub.Stats().Sessions }))
	m.Gauge("tokenselect_connections", "Websockets that are open.", of(func() int { return s.hub.Stats().Connections }))
	const memory, about = "tokenselect_memory_bytes", "Memory by what it is for."
	m.Gauge(memory, about, of(func() int { n, _ := s.budget.Stats(); return int(n) }), "for", "conversations")
	m.Gauge(memory, about, of(func() int { return int(s.hub.Stats().Documents) }), "for", "documents")
	m.Gauge(memory, about, of(func() int { return int(s.hub.Stats().Replays) }), "for", "replay")
	m.Gauge(memory, about, of(func() int {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int(stats.HeapInuse + stats.StackInuse)
	}), "for", "process")
	m.Gauge("tokenselect_memory_limit_bytes", "The most that conversations may take.", of(func() int { _, n := s.budget.Stats(); return int(n) }))
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	status := "ok"
	if s.c.Health != nil {
		if err := s.c.Health(); err != nil {
			status = err.Error()
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	running, waiting := s.queue.Stats()
	json.NewEncoder(w).Encode(map[string]any{"status": status, "running": running, "waiting": waiting, "sessions": s.hub.Stats().Sessions})
}
