package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"tokenselect/engine/trace"
)

// conn is a connection: a goroutine that reads from it and, once hello has been
// said, one that writes to it.
type conn struct {
	hub *Hub
	ws  *websocket.Conn

	// Of a client that has said hello; set before the writer starts.
	session  *session
	greeting int // the last command that had arrived
	seq      int // the last event that was written
	allowed  int // bytes that it may be behind
	resumed  bool

	events chan struct{} // holds a token while there may be something to write
	bye    chan struct{} // is closed when it is to be closed
	once   sync.Once
	code   int // of the close; set before bye is closed
	reason string
	last   atomic.Bool   // the session ends with this connection
	ended  chan struct{} // is closed when the writer has ended

	mu      sync.Mutex // of the read deadline
	leaving bool       // the deadline stays as it is
	greeted bool       // the client has said hello
}

func newConn(h *Hub) *conn {
	return &conn{hub: h, events: make(chan struct{}, 1), bye: make(chan struct{}), ended: make(chan struct{})}
}

// wake says that there is something to write.
func (c *conn) wake() {
	select {
	case c.events <- struct{}{}:
	default:
	}
}

// close has the connection closed, after what is to be written. It does not
// wait.
func (c *conn) close(code int, reason string) {
	c.once.Do(func() {
		c.code, c.reason = code, reason
		close(c.bye)
	})
}

// serve reads until the connection ends.
func (c *conn) serve(ws *websocket.Conn) {
	defer ws.Close()
	c.mu.Lock()
	c.ws = ws
	if !c.leaving {
		ws.SetReadDeadline(time.Now().Add(c.hub.Hello))
	}
	c.mu.Unlock()
	if !c.hello() {
		return
	}
	// Pongs repeat the number of the last event that had been written before
	// their ping: it has arrived, and all before it.
	c.ws.SetPongHandler(func(data string) error {
		if seq, err := strconv.Atoi(data); err == nil {
			c.session.got(seq)
		}
		return c.alive()
	})
	go c.write()
	done := c.read()
	c.close(websocket.CloseNormalClosure, "") // if nobody has said why before
	<-c.ended
	c.session.detach(c, done || c.last.Load())
}

// alive gives the client time until after the next ping.
func (c *conn) alive() error { return c.until(2*c.hub.Ping, false) }

// until sets the read deadline; for the last time if the connection is leaving.
func (c *conn) until(d time.Duration, leaving bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return nil
	}
	c.leaving = leaving
	return c.ws.SetReadDeadline(time.Now().Add(d))
}

// interrupt ends a connection whose client has not said hello.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.greeted {
		return
	}
	c.leaving = true
	if c.ws != nil {
		c.ws.SetReadDeadline(time.Now())
	}
}

// hello reads the first message and finds or makes the session.
func (c *conn) hello() bool {
	raw, err := c.message()
	if err != nil {
		return false
	}
	c.mu.Lock()
	c.greeted = true
	c.mu.Unlock()
	cmd, err := trace.ParseCommand(raw)
	if err == nil && cmd.Type != trace.Hello {
		err = fmt.Errorf("the first command is %s, expected hello", cmd.Type)
	}
	switch {
	case err != nil:
		c.refuse(&trace.Error{Code: trace.BadCommand, Message: err.Error()}, websocket.ClosePolicyViolation)
		return false
	case cmd.Session != "":
		c.resumed = true
		s := c.hub.find(cmd.Session)
		if s == nil || !s.attach(c, cmd.Seq) {
			c.refuse(&trace.Error{Code: trace.Gone, Message: "the server does not know this session any more", Hint: "Load again: the document is kept in this browser."}, websocket.CloseNormalClosure)
			return false
		}
		return true
	}
	s, refused := c.hub.open()
	if refused == nil && !s.attach(c, 0) {
		refused = errDraining()
	}
	if refused != nil {
		c.refuse(refused, websocket.CloseTryAgainLater)
		return false
	}
	return true
}

// refuse says why there is no session, and closes.
func (c *conn) refuse(e *trace.Error, code int) {
	c.put(trace.Event{Type: trace.Failed, Error: e}.Bytes())
	c.goodbye(code, e.Message)
	c.drain()
}

// errLarge is a message over the limit.
var errLarge = errors.New("the message is too large")

// errSlow is a message that takes more than longest to arrive.
var errSlow = errors.New("the message arrives too slowly")

const longest = 10 * time.Minute

// errBinary is a message that is not text.
var errBinary = errors.New("the message is binary")

// message reads a message. As long as bytes of it arrive the client is alive: a
// large one may take longer than pings are apart.
func (c *conn) message() ([]byte, error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errBinary
	}
	var raw []byte
	chunk, began := make([]byte, 4096), time.Now()
	for {
		n, err := r.Read(chunk)
		if raw = append(raw, chunk[:n]...); int64(len(raw)) > c.hub.Message {
			return nil, errLarge
		}
		if errors.Is(err, io.EOF) {
			return raw, nil
		}
		if err != nil {
			return nil, err
		}
		if time.Since(began) > longest {
			return nil, errSlow
		}
		if c.session != nil {
			c.alive()
		}
		if n == len(chunk) && n < 256<<10 {
			chunk = make([]byte, 2*n)
		}
	}
}

// read passes commands on until the connection ends. Done: the client said that
// it does not come back.
func (c *conn) read() (done bool) {
	c.alive()
	for {
		raw, err := c.message()
		switch {
		case errors.Is(err, errLarge):
			why := fmt.Sprintf("a message of more than %s, the most that this server takes", mebibytes(c.hub.Message))
			c.session.send(trace.Event{Type: trace.Failed, Error: &trace.Error{Code: trace.BadCommand, Message: why, Hint: "Choose a shorter document."}})
			c.close(websocket.CloseMessageTooBig, why)
			c.drain()
			return false
		case errors.Is(err, errBinary):
			c.close(websocket.CloseUnsupportedData, "a binary message, expected text")
			c.drain()
			return false
		case err != nil:
			return websocket.IsCloseError(err, websocket.CloseNormalClosure)
		}
		c.alive()
		cmd, err := trace.ParseCommand(raw)
		if err != nil {
			err = c.session.send(trace.Event{Type: trace.Failed, ID: number(raw), Error: &trace.Error{Code: trace.BadCommand, Message: err.Error()}})
		} else {
			err = c.session.take(c, cmd)
		}
		if err != nil {
			c.close(websocket.CloseInternalServerErr, "the session has ended")
			c.drain()
			return true
		}
	}
}

// number is the ID of a command that cannot be read otherwise, or 0.
func number(raw []byte) int {
	var c struct {
		ID int `json:"id"`
	}
	json.Unmarshal(raw, &c) // what was read before an error counts
	return max(0, c.ID)
}

// drain reads what is still arriving for a while, without keeping it: a close
// that crosses unread data would be lost with the connection.
func (c *conn) drain() {
	c.ws.SetPongHandler(func(string) error { return nil })
	c.until(lingering, true)
	for {
		_, r, err := c.ws.NextReader()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			return
		}
	}
}

// lingering is how long a client has to take note of a close.
const lingering = 2 * time.Second

// write sends events and pings until the connection is to be closed.
func (c *conn) write() {
	defer close(c.ended)
	hello := trace.Event{Type: trace.Hello, ID: c.greeting, V: trace.Version, Session: c.session.id, Where: "server", Resumed: c.resumed}
	if c.put(hello.Bytes()) != nil {
		c.abort()
		return
	}
	ping := time.NewTicker(c.hub.Ping)
	defer ping.Stop()
	for {
		if !c.flush() {
			return
		}
		select {
		case <-c.events:
		case <-ping.C:
			if c.ws.WriteControl(websocket.PingMessage, strconv.AppendInt(nil, int64(c.seq), 10), time.Now().Add(c.hub.Write)) != nil {
				c.abort()
				return
			}
		case <-c.bye:
			if c.flush() {
				c.goodbye(c.code, c.reason)
			}
			return
		}
	}
}

// flush writes the events that there are. It reports false where the connection
// has ended over it.
func (c *conn) flush() bool {
	for {
		events, from, rest, lost := c.session.batch(c.seq)
		if lost {
			c.goodbye(websocket.ClosePolicyViolation, "reading too slowly: events were dropped")
			return false
		}
		if len(events) == 0 {
			return true
		}
		for i, e := range events {
			if c.put(e) != nil {
				c.abort()
				return false
			}
			c.seq = from + i
		}
		if rest > c.allowed {
			c.goodbye(websocket.CloseTryAgainLater, fmt.Sprintf("reading too slowly: %d KiB behind", rest>>10))
			return false
		}
	}
}

func (c *conn) put(raw []byte) error {
	c.ws.SetWriteDeadline(time.Now().Add(c.hub.Write))
	return c.ws.WriteMessage(websocket.TextMessage, raw)
}

// goodbye sends a close, and gives the client time to answer it.
func (c *conn) goodbye(code int, reason string) {
	const most = 123 // bytes of a reason, by the standard
	for i := range reason {
		if i > most-4 {
			reason = reason[:i]
			break
		}
	}
	c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(lingering))
	c.until(lingering, true)
}

// abort ends a connection that takes nothing.
func (c *conn) abort() { c.ws.Close() }
