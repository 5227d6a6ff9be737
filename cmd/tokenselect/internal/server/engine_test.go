package server_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gorilla/websocket"

	"tokenselect/cmd/tokenselect/internal/server"
	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/cmd/tokenselect/internal/server/local"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/trace"
	"tokenselect/web"
)

const (
	plain    = "It was a plain day. "
	people   = "Felix Ellis is 64 years old. Ada Dixon keeps a fox at home. "
	question = "Which animal does Ada Dixon keep?"
	patience = 2 * time.Minute
)

// config is a server of the built-in model on the CPU. Whoever uses it calls
// close when the server is done.
func config(t testing.TB) (c server.Config, close func()) {
	t.Helper()
	path, data := web.DefaultModel()
	list, err := catalog.New(catalog.Config{Builtin: catalog.Builtin{Name: "needle-16m", Path: path, Data: data}})
	if err != nil {
		t.Fatal(err)
	}
	dev := cpudev.New(cpudev.Options{})
	models := local.New(dev, "for a test", "", list)
	return server.Config{
			Static:  fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}},
			Missing: map[string]string{"tokenselect.wasm": "make wasm builds it"},
			Catalog: list, Load: models.Load,
			Log: func(err error) { t.Log(err) },
		}, func() {
			if err := models.Close(); err != nil {
				t.Error(err)
			}
			if n := dev.Buffers(); n != 0 {
				t.Errorf("%d buffers are left", n)
			}
		}
}

// running is a server that runs until the test ends, or until stop.
type running struct {
	*server.Server
	url  string // http://host:port
	stop func() error
}

func run(t testing.TB, c server.Config, grace time.Duration, done func()) *running {
	t.Helper()
	s, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, grace) }()
	stop := func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(patience):
			t.Fatal("the server does not end")
			return nil
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if done != nil {
			done()
		}
	})
	return &running{s, "http://" + l.Addr().String(), stop}
}

// page is a page in a test.
type page struct {
	t       testing.TB
	url     string
	ws      *websocket.Conn
	session string
	seq, id int
}

func visit(t testing.TB, url string) *page {
	t.Helper()
	p := &page{t: t, url: strings.Replace(url, "http", "ws", 1) + "/ws"}
	p.connect()
	return p
}

// connect begins or continues the session.
func (p *page) connect() {
	p.t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial(p.url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { ws.Close() })
	p.ws = ws
	hello := trace.Command{Type: trace.Hello, V: trace.Version, Session: p.session, Seq: p.seq}
	if err := ws.WriteMessage(websocket.TextMessage, hello.Bytes()); err != nil {
		p.t.Fatal(err)
	}
	e := p.next()
	if e.Type != trace.Hello || e.Resumed != (p.session != "") {
		p.t.Fatalf("hello: %s", e.Bytes())
	}
	p.session = e.Session
}

func (p *page) cut() { p.ws.NetConn().Close() }

func (p *page) say(c trace.Command) int {
	p.t.Helper()
	p.id++
	c.ID = p.id
	if err := p.ws.WriteMessage(websocket.TextMessage, c.Bytes()); err != nil {
		p.t.Fatal(err)
	}
	return c.ID
}

// next is the next event, in order.
func (p *page) next() trace.Event {
	p.t.Helper()
	p.ws.SetReadDeadline(time.Now().Add(patience))
	_, raw, err := p.ws.ReadMessage()
	if err != nil {
		p.t.Fatal(err)
	}
	e, err := trace.ParseEvent(raw)
	if err != nil {
		p.t.Fatal(err)
	}
	if e.Seq != 0 {
		if e.Seq != p.seq+1 {
			p.t.Fatalf("event %d after %d", e.Seq, p.seq)
		}
		p.seq = e.Seq
	}
	return e
}

// until reads events of a command up to one of the type.
func (p *page) until(id int, kind string) []trace.Event {
	p.t.Helper()
	var all []trace.Event
	for {
		e := p.next()
		if e.ID != id {
			p.t.Fatalf("%s, expected events of command %d", e.Bytes(), id)
		}
		all = append(all, e)
		if e.Type == kind {
			return all
		}
		if e.Type == trace.Failed || e.Type == trace.Done {
			p.t.Fatalf("%s, expected %s", e.Bytes(), kind)
		}
	}
}

// open loads the model and opens a document.
func (p *page) open(document string) {
	p.t.Helper()
	p.until(p.say(trace.Command{Type: trace.Load}), trace.Loaded)
	p.until(p.say(trace.Command{Type: trace.Open, Document: document}), trace.Opened)
}

// text is what the tokens of an answer say, which must be what its end says.
func text(t testing.TB, events []trace.Event) string {
	t.Helper()
	var said strings.Builder
	for _, e := range events {
		if e.Type == trace.Token {
			said.WriteString(e.Text)
		}
	}
	if done := events[len(events)-1]; done.Type != trace.Done || done.Text != said.String() {
		t.Errorf("tokens say %q, the end is %s", said.String(), done.Bytes())
	}
	return said.String()
}

// get asks a handler.
func get(h *running, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}
