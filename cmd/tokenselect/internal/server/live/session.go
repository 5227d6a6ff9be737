package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"tokenselect/engine/trace"
)

// session is what a client has going, over any number of connections, one at a
// time.
type session struct {
	hub      *Hub
	id       string
	ctx      context.Context
	end      context.CancelFunc
	commands chan trace.Command

	mu       sync.Mutex
	replay   replay
	conn     *conn       // nil: the client is away
	expiry   *time.Timer // while it is
	command  int         // the last one that arrived
	asking   int         // the question that is being answered, 0: none
	arrived  time.Time   // when it came
	document int64       // bytes counted with the hub
	opening  int64       // of the document that was sent last
	ended    bool
}

func newSession(h *Hub, id string) *session {
	s := &session{hub: h, id: id, commands: make(chan trace.Command, 8), replay: replay{limit: h.Replay, first: 1}}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

// run serves the session to its end.
func (s *session) run() {
	err := s.hub.NewHost().Serve(s.ctx, s.commands, s.send)
	if s.ctx.Err() == nil {
		s.hub.Log(fmt.Errorf("live: a session ended by itself: %w", err))
	}
	s.end()
	s.hub.forget(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.expiry != nil {
		s.expiry.Stop()
	}
	if s.conn != nil {
		s.conn.close(websocket.CloseInternalServerErr, "the session has ended")
	}
	s.hub.take(-s.document)
	s.hub.kept(-s.replay.bytes)
	s.answered()
}

var errEnded = errors.New("live: the session has ended")

// send numbers an event and keeps it until the client has it.
func (s *session) send(e trace.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return errEnded
	}
	s.hub.Watch(Watched{e, time.Since(s.arrived)})
	e.Seq = s.replay.next()
	before := s.replay.bytes
	s.replay.add(e.Bytes())
	if share, over := s.hub.kept(s.replay.bytes - before); over {
		s.shrink(share)
	}
	if e.ID == s.asking && (e.Type == trace.Done || e.Type == trace.Failed) {
		s.answered()
	}
	if e.Type == trace.Opened {
		s.hub.take(s.opening - s.document)
		s.document = s.opening
	}
	if s.conn != nil {
		s.conn.wake()
	}
	return nil
}

// answered ends the question that was being answered, if any. The caller holds
// mu.
func (s *session) answered() {
	if s.asking != 0 {
		s.asking = 0
		s.hub.answered()
	}
}

// shrink drops events down to a share, where all sessions together keep too
// much.
func (s *session) shrink(share int) {
	before := s.replay.bytes
	for s.replay.bytes > share && len(s.replay.events) > 1 {
		s.replay.drop()
	}
	s.hub.kept(s.replay.bytes - before)
}

// got lets go the events that the client has.
func (s *session) got(seq int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	before := s.replay.bytes
	s.replay.arrived(seq)
	s.hub.kept(s.replay.bytes - before)
}

// attach gives the session to a connection whose client has the events up to
// seq. Reports false where it cannot be continued from there.
func (s *session) attach(c *conn, seq int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.ctx.Err() != nil || !s.replay.has(seq) {
		return false
	}
	if s.conn != nil {
		s.conn.close(websocket.ClosePolicyViolation, "the session is continued by another connection")
	}
	if s.expiry != nil {
		s.expiry.Stop()
		s.expiry = nil
	}
	s.conn = c
	_, rest := s.replay.after(seq, 0)
	c.session, c.seq, c.allowed, c.greeting = s, seq, rest+s.hub.Backlog, s.command
	return true
}

// detach is what happens when a connection is lost: the session waits for the
// client, unless it said that it is done.
func (s *session) detach(c *conn, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != c {
		return
	}
	s.conn = nil
	if done {
		s.end()
		return
	}
	s.expiry = time.AfterFunc(s.hub.Keep, s.end)
}

// leave sends the client away and ends the session.
func (s *session) leave(code int, reason string) {
	s.mu.Lock()
	c := s.conn
	if c == nil {
		s.end()
	}
	s.mu.Unlock()
	if c != nil {
		c.last.Store(true)
		c.close(code, reason)
	}
}

// batch is the events after seq that are to be sent at once.
func (s *session) batch(seq int) (events [][]byte, from, rest int, lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.replay.has(seq) {
		return nil, 0, 0, true
	}
	events, rest = s.replay.after(seq, 64<<10)
	return events, seq + 1, rest, false
}

// take passes a command of the client on. It waits while the host is busy with
// those before.
func (s *session) take(from *conn, c trace.Command) error {
	current, refused := s.admit(from, c)
	if !current {
		return nil
	}
	if refused != nil {
		return s.send(trace.Event{Type: trace.Failed, ID: c.ID, Error: refused})
	}
	select {
	case s.commands <- c:
		return nil
	case <-s.ctx.Done():
		return errEnded
	}
}

// admit notes a command, or says why it is not taken. What still arrives by a
// connection that another one has replaced is not current: the client was told
// which command had arrived last, and sends those after it again.
func (s *session) admit(from *conn, c trace.Command) (current bool, refused *trace.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conn != from:
		return false, nil
	case c.Type == trace.Hello:
		return true, &trace.Error{Code: trace.BadCommand, Message: "hello: it has been said, expected it once and first"}
	case c.Type == trace.Stop:
		return true, nil
	}
	s.command = max(s.command, c.ID)
	switch c.Type {
	case trace.Ask:
		if s.asking != 0 || c.ID == 0 {
			break // the host refuses it, or nobody waits for it
		}
		if !s.hub.ask() {
			return true, errDraining()
		}
		s.asking, s.arrived = c.ID, time.Now()
	case trace.Open:
		// The document before is let go when this one has been opened.
		s.opening = int64(len(c.Document))
		more := max(0, s.opening-s.document)
		if !s.hub.take(more) {
			return true, &trace.Error{Code: trace.Overloaded, Message: "the server holds as many documents as it has room for", Hint: "Open it again a little later, or choose a shorter one."}
		}
		s.document += more
	}
	return true, nil
}
