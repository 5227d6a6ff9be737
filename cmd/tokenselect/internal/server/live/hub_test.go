package live_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"tokenselect/cmd/tokenselect/internal/server/live"
	"tokenselect/engine/trace"
)

func TestVisit(t *testing.T) {
	_, url := start(t, &script{}, live.Config{})
	c := visit(t, url, nil)
	if h := c.hello; h.Type != trace.Hello || h.V != trace.Version || h.Where != "server" || h.Resumed || h.Seq != 0 ||
		!regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`).MatchString(h.Session) {
		t.Errorf("hello: %s", h.Bytes())
	}
	c.say(trace.Command{Type: trace.Open, Document: "text"})
	if e := c.read(); e.Type != trace.Opened || e.Tokens != 4 || e.Seq != 1 {
		t.Errorf("open: %s", e.Bytes())
	}
	c.tokens(c.say(trace.Command{Type: trace.Ask, Question: "100 10"}), 1, 100)
	if other := visit(t, url, nil); other.session == c.session {
		t.Error("two visitors have one session")
	}
}

// TestResume: a connection that breaks in the middle of an answer is continued
// with exactly the events that did not arrive.
func TestResume(t *testing.T) {
	gate := make(chan struct{}, 100)
	hub, url := start(t, &script{gate: gate}, live.Config{})
	c := visit(t, url, nil)
	id := c.say(trace.Command{Type: trace.Ask, Question: "30 100"})
	for i := range 5 {
		gate <- struct{}{}
		if e := c.read(); e.Token != i+1 {
			t.Fatalf("token %d: %s", i+1, e.Bytes())
		}
	}
	c.cut()
	for range 10 {
		gate <- struct{}{}
	}
	eventually(t, "the connection is known to be lost", func() bool { return hub.Stats().Connections == 0 })

	c = visit(t, url, c)
	if h := c.hello; !h.Resumed || h.ID != id {
		t.Errorf("hello: %s, expected the session and command %d", h.Bytes(), id)
	}
	for i := 5; i < 15; i++ {
		if e := c.read(); e.Token != i+1 || e.ID != id {
			t.Fatalf("token %d: %s", i+1, e.Bytes())
		}
	}
	// Once more, from an older place, and with the old connection still there.
	old := *c
	c.seq -= 4
	c = visit(t, url, c)
	for range 15 {
		gate <- struct{}{}
	}
	c.tokens(id, 12, 30)
	// What arrives by the old connection now is sent again by the new one.
	again := trace.Command{Type: trace.Ask, ID: c.id + 1, Question: "0 0"}
	old.raw(string(again.Bytes()))
	c.tokens(c.say(again), 1, 0)
	old.closed(websocket.ClosePolicyViolation, "another connection")
	eventually(t, "the old connection is gone", func() bool { return hub.Stats().Connections == 1 })
	c.tokens(c.say(trace.Command{Type: trace.Ask, Question: "0 0"}), 1, 0)
}

func TestGone(t *testing.T) {
	hub, url := start(t, &script{}, live.Config{Keep: 20 * time.Millisecond})
	gone := func(c *client) {
		t.Helper()
		if e := c.hello; e.Type != trace.Failed || e.Error.Code != trace.Gone || e.Error.Hint == "" || e.Seq != 0 {
			t.Fatalf("%s, expected the error gone", e.Bytes())
		}
		c.closed(websocket.CloseNormalClosure, "")
	}
	gone(visit(t, url, &client{session: "no-such-session"}))

	c := visit(t, url, nil)
	future := *c
	future.seq = 7
	gone(visit(t, url, &future))

	c.cut()
	eventually(t, "the session expires", func() bool { return hub.Stats().Sessions == 0 })
	gone(visit(t, url, c))

	// Who says that it is done is not waited for.
	hub, url = start(t, &script{}, live.Config{Keep: time.Hour})
	c = visit(t, url, nil)
	c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	eventually(t, "the session ends", func() bool { return hub.Stats().Sessions == 0 })
	// Who goes away may come back: a page that is restored from the browser's history.
	c = visit(t, url, nil)
	c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""), time.Now().Add(time.Second))
	eventually(t, "the connection ends", func() bool { return hub.Stats().Connections == 0 })
	if c = visit(t, url, c); !c.hello.Resumed {
		t.Errorf("%s, expected the session", c.hello.Bytes())
	}
}

// TestLost: events beyond what is kept for a client that is away are dropped;
// memory stays bounded, and the client is told that its session is gone.
func TestLost(t *testing.T) {
	s := &script{said: make(chan int, 1), gate: make(chan struct{}, 1000)}
	hub, url := start(t, s, live.Config{Replay: 10_000})
	c := visit(t, url, nil)
	c.say(trace.Command{Type: trace.Ask, Question: "100 1000"})
	s.gate <- struct{}{}
	c.read()
	c.cut()
	eventually(t, "the connection is lost", func() bool { return hub.Stats().Connections == 0 })
	for range 99 {
		s.gate <- struct{}{}
	}
	<-s.said
	if got := hub.Stats().Replays; got > 10_000 || got < 5_000 {
		t.Errorf("%d bytes of events kept, expected nearly 10000", got)
	}
	if c := visit(t, url, c); c.hello.Type != trace.Failed || c.hello.Error.Code != trace.Gone {
		t.Errorf("%s, expected gone", c.hello.Bytes())
	}
}

// TestReplays: where all sessions together keep too much, those above their
// share give up the oldest.
func TestReplays(t *testing.T) {
	s := &script{said: make(chan int, 1), gate: make(chan struct{}, 5)}
	hub, url := start(t, s, live.Config{Replays: 40_000})
	small := visit(t, url, nil)
	for range 5 {
		s.gate <- struct{}{}
	}
	small.tokens(small.say(trace.Command{Type: trace.Ask, Question: "5 1000"}), 1, 5)
	<-s.said
	small.seq -= 3
	small.cut()
	large := visit(t, url, nil)
	large.say(trace.Command{Type: trace.Ask, Question: "100 1000"})
	for i := range 100 {
		s.gate <- struct{}{}
		if e := large.read(); e.Token != i+1 {
			t.Fatalf("token %d: %s", i+1, e.Bytes())
		}
	}
	<-s.said
	if got := hub.Stats().Replays; got > 41_000 {
		t.Errorf("%d bytes of events kept, expected at most 40000 and one event", got)
	}
	if small = visit(t, url, small); !small.hello.Resumed {
		t.Errorf("%s: who kept little lost it", small.hello.Bytes())
	}
}

func TestLimits(t *testing.T) {
	hub, url := start(t, &script{}, live.Config{Sessions: 2, Hello: time.Hour})
	visit(t, url, nil)
	visit(t, url, nil)
	c := visit(t, url, nil)
	if c.hello.Type != trace.Failed || c.hello.Error.Code != trace.Overloaded {
		t.Errorf("the third of two: %s", c.hello.Bytes())
	}
	c.closed(websocket.CloseTryAgainLater, "2 visitors")
	eventually(t, "it is gone", func() bool { return hub.Stats().Connections == 2 })
	dial(t, url)
	dial(t, url)
	_, resp, err := websocket.DefaultDialer.Dial(url, nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the fifth connection of two visitors: %v %v", resp, err)
	}
}

func TestDocuments(t *testing.T) {
	hub, url := start(t, &script{}, live.Config{Documents: 1000})
	open := func(c *client, size int) trace.Event {
		c.say(trace.Command{Type: trace.Open, Document: strings.Repeat("x", size)})
		return c.read()
	}
	a, b := visit(t, url, nil), visit(t, url, nil)
	if e := open(a, 700); e.Type != trace.Opened {
		t.Fatalf("%s", e.Bytes())
	}
	if e := open(b, 400); e.Type != trace.Failed || e.Error.Code != trace.Overloaded || e.ID != 1 {
		t.Errorf("%s, expected overloaded", e.Bytes())
	}
	if e := open(a, 500); e.Type != trace.Opened {
		t.Errorf("%s", e.Bytes())
	}
	if e := open(b, 400); e.Type != trace.Opened || hub.Stats().Documents != 900 {
		t.Errorf("%s, %d bytes counted, expected 900", e.Bytes(), hub.Stats().Documents)
	}
}

// TestClose: what there is for a client reaches it before the server goes; new
// questions and new visitors are refused meanwhile.
func TestClose(t *testing.T) {
	s := &script{gate: make(chan struct{}, 100), ended: make(chan error, 1)}
	hub, url := start(t, s, live.Config{})
	c := visit(t, url, nil)
	id := c.say(trace.Command{Type: trace.Ask, Question: "3 1"})
	s.gate <- struct{}{}
	c.read()
	quiet := hub.Drain()
	late := visit(t, url, nil)
	if late.hello.Type != trace.Failed || late.hello.Error.Code != trace.Overloaded {
		t.Errorf("a visitor while the server shuts down: %s", late.hello.Bytes())
	}
	select {
	case <-quiet:
		t.Fatal("quiet while an answer is running")
	default:
	}
	s.gate <- struct{}{}
	s.gate <- struct{}{}
	c.tokens(id, 2, 3)
	<-quiet
	again := c.say(trace.Command{Type: trace.Ask, Question: "3 1"})
	if e := c.read(); e.Type != trace.Failed || e.ID != again || e.Error.Code != trace.Overloaded {
		t.Errorf("a question while the server shuts down: %s", e.Bytes())
	}
	silent := dial(t, url) // has not said hello
	eventually(t, "it is there", func() bool { return hub.Stats().Connections == 2 })
	closed := make(chan error, 1)
	go func() { closed <- hub.Close(context.Background(), "good night") }()
	c.closed(websocket.CloseGoingAway, "good night")
	if _, err := silent.receive(); err == nil {
		t.Error("an event before hello")
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := <-s.ended; err != context.Canceled {
		t.Errorf("the host ended with %v", err)
	}
	if _, resp, err := websocket.DefaultDialer.Dial(url, nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a connection after the end: %v", err)
	}
}

// TestHostEnds: a host that ends by itself takes its session along, after its
// last words.
func TestHostEnds(t *testing.T) {
	hub, url := start(t, &script{}, live.Config{})
	c := visit(t, url, nil)
	c.say(trace.Command{Type: trace.Load})
	c.say(trace.Command{Type: trace.Unload})
	events := c.closed(websocket.CloseInternalServerErr, "ended")
	if len(events) != 1 || events[0].Type != trace.Loaded {
		t.Errorf("%d events before the end", len(events))
	}
	eventually(t, "nothing is left", func() bool { return hub.Stats() == live.Stats{} })
}

// TestMany: sessions do not mix.
func TestMany(t *testing.T) {
	_, url := start(t, &script{}, live.Config{})
	for i := range 20 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			c := visit(t, url, nil)
			for range 5 {
				c.tokens(c.say(trace.Command{Type: trace.Ask, Question: fmt.Sprint(50+i, " ", i)}), 1, 50+i)
				if i%2 == 0 {
					c.cut()
					c = visit(t, url, c)
				}
			}
		})
	}
}
