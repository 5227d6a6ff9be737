package live_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"tokenselect/cmd/tokenselect/internal/server/live"
	"tokenselect/engine/trace"
)

// TestFirstMessage: what does not begin with hello does not begin.
func TestFirstMessage(t *testing.T) {
	hub, url := start(t, &script{}, live.Config{})
	for _, c := range []struct{ message, want string }{
		{`{"type":"ask","id":1,"question":"x"}`, "expected hello"},
		{`{"type":"hello","v":99}`, "reload the page"},
		{`{"type":"hello"}`, "version 0"},
		{`{"type":"hello","v":2,"seq":-1}`, "seq is -1"},
		{`{"type":"hello","v":2,"admin":true}`, "admin"},
		{`{"type":"hello","v":2}{}`, "follows"},
		{`not JSON`, "invalid character"},
		{``, "EOF"},
		{strings.Repeat("[", 100_000), "max depth"},
	} {
		v := dial(t, url)
		v.raw(c.message)
		e := v.read()
		if e.Type != trace.Failed || e.Error.Code != trace.BadCommand || !strings.Contains(e.Error.Message, c.want) {
			t.Errorf("%.40q: %s, expected %q", c.message, e.Bytes(), c.want)
		}
		v.closed(websocket.ClosePolicyViolation, "")
	}
	// Who says nothing is sent away.
	hub2, url2 := start(t, &script{}, live.Config{Hello: 20 * time.Millisecond})
	dial(t, url2)
	eventually(t, "the silent one is gone", func() bool { return hub2.Stats().Connections == 0 })
	eventually(t, "all are gone", func() bool { return hub.Stats() == live.Stats{} })
}

// TestHostile: messages that make no sense are answered, and the session lives
// on.
func TestHostile(t *testing.T) {
	_, url := start(t, &script{}, live.Config{})
	c := visit(t, url, nil)
	for _, m := range []struct {
		message string
		id      int
	}{
		{`{"type":"format disk","id":3}`, 3},
		{`{"type":"ask","id":-4}`, 0},
		{`{"type":"ask","id":5,"max_tokens":-1}`, 5},
		{`{"type":"ask","id":99999999999999999999}`, 0},
		{`{"type":"open","id":6,"document":7}`, 6},
		{`{"type":"ask","id":8,"sample":{"top_k":"many"}}`, 8},
		{`{"type":"hello","v":2,"id":9}`, 9},
		{`null`, 0},
		{`[]`, 0},
		{"\x00\x01\x02", 0},
		{`{"type":"ask","id":`, 0},
	} {
		c.raw(m.message)
		e := c.read()
		if e.Type != trace.Failed || e.Error.Code != trace.BadCommand || e.ID != m.id {
			t.Errorf("%q: %s, expected bad_command for %d", m.message, e.Bytes(), m.id)
		}
	}
	c.tokens(c.say(trace.Command{Type: trace.Ask, Question: "3 1"}), 1, 3)
}

func TestOversize(t *testing.T) {
	_, url := start(t, &script{}, live.Config{Message: 1 << 20})
	c := visit(t, url, nil)
	c.say(trace.Command{Type: trace.Open, Document: strings.Repeat("x", 1<<20-100)})
	if e := c.read(); e.Type != trace.Opened {
		t.Fatalf("%s", e.Bytes())
	}
	c.say(trace.Command{Type: trace.Open, Document: strings.Repeat("x", 4<<20)})
	events := c.closed(websocket.CloseMessageTooBig, "more than 1 MiB")
	if len(events) != 1 || events[0].Type != trace.Failed || events[0].Error.Code != trace.BadCommand {
		t.Errorf("%d events before the close", len(events))
	}
	if c = visit(t, url, c); !c.hello.Resumed {
		t.Errorf("%s, expected the session", c.hello.Bytes())
	}
	if err := c.ws.WriteMessage(websocket.BinaryMessage, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	c.closed(websocket.CloseUnsupportedData, "binary")
}

// TestSlowReader: who reads too slowly is closed with a reason, and can come
// back for the rest.
func TestSlowReader(t *testing.T) {
	const events, size = 500, 64 << 10 // more than the system holds for a connection
	s := &script{said: make(chan int, 1)}
	hub, url := start(t, s, live.Config{Backlog: 1 << 20, Replay: 64 << 20})
	c := visit(t, url, nil)
	id := c.say(trace.Command{Type: trace.Ask, Question: "500 65536"})
	<-s.said // nothing has been read
	if got := hub.Stats().Replays; got < events*size {
		t.Errorf("%d bytes kept, expected all", got)
	}
	got := c.closed(websocket.CloseTryAgainLater, "too slowly")
	if len(got) == 0 || len(got) >= events {
		t.Fatalf("%d events before the close, expected some", len(got))
	}
	first := len(got)
	c = visit(t, url, c)
	c.tokens(id, first+1, events)
}

// TestDeadReader: who takes nothing at all is cut off after the write deadline.
func TestDeadReader(t *testing.T) {
	s := &script{said: make(chan int, 1)}
	hub, url := start(t, s, live.Config{Backlog: 64 << 20, Replay: 64 << 20, Write: 2 * time.Second})
	c := visit(t, url, nil)
	id := c.say(trace.Command{Type: trace.Ask, Question: "500 65536"})
	eventually(t, "it is cut off", func() bool { return hub.Stats().Connections == 0 })
	if hub.Stats().Sessions != 1 {
		t.Error("the session went too")
	}
	c = visit(t, url, c)
	c.tokens(id, 1, 500)
}

// TestPing: pongs show that events have arrived, and that somebody is there.
func TestPing(t *testing.T) {
	hub, url := start(t, &script{}, live.Config{Ping: 20 * time.Millisecond})
	c := visit(t, url, nil)
	c.tokens(c.say(trace.Command{Type: trace.Ask, Question: "10 1000"}), 1, 10)
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		c.ws.SetReadDeadline(time.Time{})
		c.ws.ReadMessage() // answers pings until the connection ends
	}()
	eventually(t, "events that arrived are let go", func() bool { return hub.Stats().Replays == 0 })
	if hub.Stats().Connections != 1 {
		t.Error("a live connection was closed")
	}
	c.cut()
	<-stop

	// After the events have been let go the session can be continued all the same.
	if c = visit(t, url, c); !c.hello.Resumed {
		t.Fatalf("%s, expected the session", c.hello.Bytes())
	}
	// This one reads nothing from now on, so that pings stay unanswered.
	eventually(t, "the silent one is cut off", func() bool { return hub.Stats().Connections == 0 })
	if hub.Stats().Sessions != 1 {
		t.Error("the session went too")
	}
}
