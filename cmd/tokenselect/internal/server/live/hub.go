// Package live serves pages over websockets: a session for each, which outlives
// a connection that breaks, so that the next one goes on where the last ended.
//
// The first message of a client is the command hello. With the name of a session
// and the number of the last event that arrived, the session is continued: its
// hello says so, the events that were missed follow, and its ID is the last
// command that has arrived (stop, which repeats another's, is not counted): what
// was said after it is to be said again.
package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"tokenselect/engine/trace"
)

// Host answers one client's commands: session.Host, or upstream.Host.
type Host interface {
	Serve(ctx context.Context, commands <-chan trace.Command, send func(trace.Event) error) error
}

// Config is how a hub serves. Zero values are the defaults that are named.
type Config struct {
	NewHost func() Host
	Origin  func(*http.Request) bool // may a page of this origin connect; nil: of the same host

	Sessions  int           // at a time; 1000
	Keep      time.Duration // for which a session waits for its client to come back; a minute
	Message   int64         // bytes of a message; 16 MiB
	Documents int64         // bytes of the documents of all sessions; 1 GiB
	Replay    int           // bytes of events kept for a client that comes back; 16 MiB
	Replays   int64         // bytes of them for all clients; 256 MiB
	Backlog   int           // bytes that a client may be behind before it is told to come again; 4 MiB

	Hello time.Duration // for the first message to arrive; 10 s
	Ping  time.Duration // between two signs of life; 15 s
	Write time.Duration // for a client to take a message; 10 s

	Watch func(Watched)   // is told of each event; may be nil
	Log   func(err error) // nil: nothing is told
}

// Watched is an event on its way to a client.
type Watched struct {
	Event trace.Event
	Since time.Duration // since the command that it answers arrived
}

func (c Config) withDefaults() Config {
	or(&c.Sessions, 1000)
	or(&c.Keep, time.Minute)
	or(&c.Message, 16<<20)
	or(&c.Documents, 1<<30)
	or(&c.Replay, 16<<20)
	or(&c.Replays, 256<<20)
	or(&c.Backlog, 4<<20)
	or(&c.Hello, 10*time.Second)
	or(&c.Ping, 15*time.Second)
	or(&c.Write, 10*time.Second)
	if c.Watch == nil {
		c.Watch = func(Watched) {}
	}
	if c.Log == nil {
		c.Log = func(error) {}
	}
	return c
}

func or[T comparable](to *T, def T) {
	var zero T
	if *to == zero {
		*to = def
	}
}

// Hub is the sessions of a server. It is safe for concurrent use.
type Hub struct {
	Config
	upgrader websocket.Upgrader

	mu        sync.Mutex
	sessions  map[string]*session
	conns     map[*conn]bool
	documents int64         // bytes
	replays   int64         // bytes
	asking    int           // questions that are being answered
	quiet     chan struct{} // is closed once draining, when there are none
	draining  bool
	closed    bool
	all       sync.WaitGroup // sessions and connections
}

// New makes a hub.
func New(c Config) *Hub {
	h := &Hub{Config: c.withDefaults(), sessions: map[string]*session{}, conns: map[*conn]bool{}, quiet: make(chan struct{})}
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: h.Write,
		CheckOrigin:      c.Origin,
		WriteBufferPool:  &sync.Pool{}, // idle connections hold none
		WriteBufferSize:  4096,
		Error: func(w http.ResponseWriter, r *http.Request, status int, reason error) {
			http.Error(w, "this is for websockets: "+reason.Error(), status)
		},
	}
	return h
}

// ServeHTTP serves a websocket.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newConn(h)
	if !h.enter(c) {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many connections, or the server is shutting down; come again later", http.StatusServiceUnavailable)
		return
	}
	defer h.exit(c)
	ws, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	c.serve(ws)
}

// enter counts a connection. There may be twice as many as sessions, for those
// who come back before their old connection is known to be lost.
func (h *Hub) enter(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.conns) >= 2*h.Sessions {
		return false
	}
	h.conns[c] = true
	h.all.Add(1)
	return true
}

func (h *Hub) exit(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, c)
	h.all.Done()
}

// open makes a session, or says why not.
func (h *Hub) open() (*session, *trace.Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.draining:
		return nil, errDraining()
	case len(h.sessions) >= h.Sessions:
		return nil, &trace.Error{Code: trace.Overloaded, Message: fmt.Sprintf("the server has %d visitors, as many as it takes", h.Sessions), Hint: "Come again a little later."}
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, &trace.Error{Code: trace.Internal, Message: "the server has no random numbers"}
	}
	s := newSession(h, id.String())
	h.sessions[s.id] = s
	h.all.Add(1)
	go func() {
		defer h.all.Done()
		s.run()
	}()
	return s, nil
}

func errDraining() *trace.Error {
	return &trace.Error{Code: trace.Overloaded, Message: "the server is shutting down", Hint: "Ask again when it is back."}
}

// find is a session that is there.
func (h *Hub) find(id string) *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[id]
}

func (h *Hub) forget(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s.id)
}

// take counts bytes of a document, and reports false where there is no room.
func (h *Hub) take(bytes int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if bytes > 0 && h.documents+bytes > h.Documents {
		return false
	}
	h.documents += bytes
	return true
}

// kept counts bytes of events. Where all sessions together hold too many, it
// reports the share that each may have.
func (h *Hub) kept(bytes int) (share int, over bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.replays += int64(bytes)
	return int(h.Replays / int64(max(1, len(h.sessions)))), h.replays > h.Replays
}

// Drain refuses new sessions and new questions from now on. What it returns is
// closed when the questions that are being answered are.
func (h *Hub) Drain() (quiet <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.draining {
		h.draining = true
		if h.asking == 0 {
			close(h.quiet)
		}
	}
	return h.quiet
}

// ask counts a question, and refuses it where the server is shutting down.
func (h *Hub) ask() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.draining {
		return false
	}
	h.asking++
	return true
}

func (h *Hub) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asking--; h.asking == 0 && h.draining {
		close(h.quiet)
	}
}

// Close sends clients what there is for them, closes all connections with the
// code 1001, ends all sessions, and waits for that until ctx ends.
func (h *Hub) Close(ctx context.Context, reason string) error {
	h.Drain()
	h.mu.Lock()
	h.closed = true
	var all []*session
	for _, s := range h.sessions {
		all = append(all, s)
	}
	for c := range h.conns {
		c.interrupt()
	}
	h.mu.Unlock()
	for _, s := range all {
		s.leave(websocket.CloseGoingAway, reason)
	}
	done := make(chan struct{})
	go func() {
		h.all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.Join(errors.New("live: connections are still open"), ctx.Err())
	}
}

// Stats are figures of a hub.
type Stats struct {
	Sessions, Connections int
	Documents, Replays    int64 // bytes
}

// Stats counts.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{len(h.sessions), len(h.conns), h.documents, h.replays}
}

// mebibytes is a size in words.
func mebibytes(n int64) string { return strconv.FormatInt(n>>20, 10) + " MiB" }
