package live_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"tokenselect/cmd/tokenselect/internal/server/live"
	"tokenselect/engine/trace"
)

// script is a host without an engine. The question "N SIZE" is answered with N
// tokens of SIZE bytes; before each, one token is taken from gate if that is not
// nil.
type script struct {
	gate  chan struct{}
	said  chan int // if not nil, gets the number of each answer when it has been sent
	ended chan error
}

func (s *script) Serve(ctx context.Context, commands <-chan trace.Command, send func(trace.Event) error) (err error) {
	if s.ended != nil {
		defer func() { s.ended <- err }()
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case c := <-commands:
			switch c.Type {
			case trace.Load:
				err = send(trace.Event{Type: trace.Loaded, ID: c.ID, Info: &trace.Info{Model: "script"}})
			case trace.Open:
				err = send(trace.Event{Type: trace.Opened, ID: c.ID, Tokens: len(c.Document)})
			case trace.Unload:
				return errors.New("the script ends here")
			case trace.Ask:
				err = s.answer(ctx, c, send)
			}
			if err != nil {
				return err
			}
		}
	}
}

func (s *script) answer(ctx context.Context, c trace.Command, send func(trace.Event) error) error {
	var n, size int
	fmt.Sscan(c.Question, &n, &size)
	for i := range n {
		if s.gate != nil {
			select {
			case <-s.gate:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := send(trace.Event{Type: trace.Token, ID: c.ID, Token: i + 1, Text: strings.Repeat("x", size)}); err != nil {
			return err
		}
	}
	err := send(trace.Event{Type: trace.Done, ID: c.ID, Reason: "stop"})
	if s.said != nil {
		s.said <- c.ID
	}
	return err
}

// start serves script over a hub.
func start(t *testing.T, s *script, c live.Config) (*live.Hub, string) {
	t.Helper()
	c.NewHost = func() live.Host { return s }
	hub := live.New(c)
	server := httptest.NewServer(hub)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := hub.Close(ctx, "the test is over"); err != nil {
			t.Error(err)
		}
		server.Close()
		if got := hub.Stats(); got != (live.Stats{}) {
			t.Errorf("left over: %+v", got)
		}
	})
	return hub, "ws" + strings.TrimPrefix(server.URL, "http")
}

// client is a websocket client in a test.
type client struct {
	t       *testing.T
	ws      *websocket.Conn
	session string
	hello   trace.Event
	seq     int
	id      int
}

const patience = 30 * time.Second

func dial(t *testing.T, url string) *client {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return &client{t: t, ws: ws}
}

// visit dials and says hello; before, if not nil, is whose session is continued.
func visit(t *testing.T, url string, before *client) *client {
	t.Helper()
	c := dial(t, url)
	hello := trace.Command{Type: trace.Hello, V: trace.Version}
	if before != nil {
		hello.Session, hello.Seq, c.seq, c.id = before.session, before.seq, before.seq, before.id
	}
	c.raw(string(hello.Bytes()))
	c.hello = c.read()
	if c.hello.Type == trace.Hello {
		c.session = c.hello.Session
	}
	return c
}

func (c *client) raw(message string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) say(cmd trace.Command) int {
	c.t.Helper()
	c.id++
	cmd.ID = c.id
	c.raw(string(cmd.Bytes()))
	return c.id
}

// receive is the next event, or why there is none.
func (c *client) receive() (trace.Event, error) {
	c.ws.SetReadDeadline(time.Now().Add(patience))
	_, raw, err := c.ws.ReadMessage()
	if err != nil {
		return trace.Event{}, err
	}
	return trace.ParseEvent(raw)
}

// read is the next event, which must be the one after the last.
func (c *client) read() trace.Event {
	c.t.Helper()
	e, err := c.receive()
	if err != nil {
		c.t.Fatal(err)
	}
	if e.Seq != 0 {
		if e.Seq != c.seq+1 {
			c.t.Fatalf("event %d after %d", e.Seq, c.seq)
		}
		c.seq = e.Seq
	}
	return e
}

// closed reads to the end of the connection, which must come with code and a
// reason that contains part, and returns the events before it.
func (c *client) closed(code int, part string) []trace.Event {
	c.t.Helper()
	var events []trace.Event
	for {
		e, err := c.receive()
		if err == nil {
			events = append(events, e)
			if e.Seq != 0 {
				c.seq = e.Seq
			}
			continue
		}
		var end *websocket.CloseError
		if !errors.As(err, &end) || end.Code != code || !strings.Contains(end.Text, part) {
			c.t.Fatalf("the connection ended with %v, expected code %d and %q", err, code, part)
		}
		return events
	}
}

// cut breaks the connection without a word.
func (c *client) cut() { c.ws.NetConn().Close() }

// tokens reads an answer to its end and checks that its tokens are from to n,
// each once and in order.
func (c *client) tokens(id, from, n int) {
	c.t.Helper()
	for i := from; ; i++ {
		e := c.read()
		if e.ID != id {
			c.t.Fatalf("%s, expected an event of command %d", e.Bytes(), id)
		}
		if e.Type == trace.Done {
			if i != n+1 {
				c.t.Fatalf("the answer ended before token %d of %d", i, n)
			}
			return
		}
		if e.Type != trace.Token || e.Token != i {
			c.t.Fatalf("%s, expected token %d", e.Bytes(), i)
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}
