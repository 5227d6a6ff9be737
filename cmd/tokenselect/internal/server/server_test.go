package server_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"tokenselect/cmd/tokenselect/internal/server"
	"tokenselect/engine/trace"
)

// TestAnswer: a real answer, with the connection lost in the middle of it.
func TestAnswer(t *testing.T) {
	c, done := config(t)
	s := run(t, c, time.Minute, done)
	p := visit(t, s.url)
	p.open(strings.Repeat(plain, 20) + people + strings.Repeat(plain, 20))
	if got := text(t, p.until(p.say(trace.Command{Type: trace.Ask, Question: question}), trace.Done)); got != "Ada Dixon keeps a fox." {
		t.Errorf("answered %q", got)
	}
	p.until(p.say(trace.Command{Type: trace.Open, Document: strings.Repeat(plain, 200) + people}), trace.Opened)
	id := p.say(trace.Command{Type: trace.Ask, Question: question, Trace: true})
	events := p.until(id, trace.Token)
	p.cut()
	p.connect()
	events = append(events, p.until(id, trace.Done)...)
	if got := text(t, events); got != "Ada Dixon keeps a fox." {
		t.Errorf("answered %q", got)
	}
	metrics := get(s, "GET", "/metrics").Body.String()
	for _, want := range []string{
		`tokenselect_questions_total{via="page",result="done"} 2`, `tokenselect_first_token_seconds_count{via="page"} 2`,
		`tokenselect_generations_running 0`, `tokenselect_sessions 1`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no line %s in\n%s", want, metrics)
		}
	}
	if w := get(s, "GET", "/healthz"); w.Code != 200 || !strings.Contains(w.Body.String(), `"sessions":1`) {
		t.Errorf("health: %d %s", w.Code, w.Body)
	}
}

// TestStop: in prefill, then the same conversation goes on.
func TestStop(t *testing.T) {
	c, done := config(t)
	s := run(t, c, time.Minute, done)
	p := visit(t, s.url)
	p.open(strings.Repeat(plain, 600) + people)
	id := p.say(trace.Command{Type: trace.Ask, Question: question})
	p.until(id, trace.Prefill)
	p.ws.WriteMessage(websocket.TextMessage, trace.Command{Type: trace.Stop, ID: id}.Bytes())
	events := p.until(id, trace.Done)
	if last := events[len(events)-1]; last.Reason != "stopped" {
		t.Errorf("%s, expected stopped", last.Bytes())
	}
	if got := text(t, p.until(p.say(trace.Command{Type: trace.Ask, Question: question}), trace.Done)); got != "Ada Dixon keeps a fox." {
		t.Errorf("answered %q after a stop", got)
	}
}

// TestQueue: who waits is told where, in the order in which they came; one who
// stops leaves the line.
func TestQueue(t *testing.T) {
	c, done := config(t)
	c.Generations, c.Queue = 1, 3
	s := run(t, c, time.Minute, done)
	var pages [5]*page
	var ids [5]int
	for i := range pages {
		pages[i] = visit(t, s.url)
		pages[i].open(strings.Repeat(plain, 300) + people)
	}
	for i, p := range pages[:4] {
		ids[i] = p.say(trace.Command{Type: trace.Ask, Question: question})
		if e := p.next(); i == 0 && e.Type == trace.Queued || i > 0 && (e.Type != trace.Queued || e.Position != i) {
			t.Fatalf("page %d: %s", i, e.Bytes())
		}
	}
	full := pages[4].say(trace.Command{Type: trace.Ask, Question: question})
	if e := pages[4].until(full, trace.Failed)[0]; e.Error.Code != trace.Overloaded {
		t.Errorf("%s, expected overloaded", e.Bytes())
	}
	pages[2].ws.WriteMessage(websocket.TextMessage, trace.Command{Type: trace.Stop, ID: ids[2]}.Bytes())
	if e := pages[2].until(ids[2], trace.Done); e[len(e)-1].Reason != "stopped" {
		t.Errorf("%s, expected stopped", e[len(e)-1].Bytes())
	}
	for i, want := range map[int][]int{1: nil, 3: {2, 1}} {
		var told []int
		for _, e := range pages[i].until(ids[i], trace.Done) {
			if e.Type == trace.Queued {
				told = append(told, e.Position)
			}
		}
		// Two changes that follow each other closely may be told as one.
		if !slices.Equal(told, want) && !(i == 3 && slices.Equal(told, []int{1})) {
			t.Errorf("page %d was told %v, expected %v", i, told, want)
		}
	}
}

// TestMemory: the memory of who is idle goes to who asks; the idle one is told,
// and answered all the same.
func TestMemory(t *testing.T) {
	c, done := config(t)
	c.Memory = 120 << 20
	c.Live.Ping = patience // pings are answered by reading, and nobody reads on pages that wait here
	s := run(t, c, time.Minute, done)
	document := strings.Repeat(plain, 100) + people
	ask := func(p *page) (warned bool) {
		t.Helper()
		events := p.until(p.say(trace.Command{Type: trace.Ask, Question: question, MaxTokens: 16}), trace.Done)
		if got := text(t, events); got != "Ada Dixon keeps a fox." {
			t.Errorf("answered %q", got)
		}
		return slices.ContainsFunc(events, func(e trace.Event) bool { return e.Warning != "" })
	}
	first := visit(t, s.url)
	first.open(document)
	ask(first)
	for range 3 {
		p := visit(t, s.url)
		p.open(document)
		if ask(p) {
			t.Error("a new page was warned")
		}
	}
	if !ask(first) {
		t.Error("4 documents were kept in 120 MiB, expected the first to have been read again")
	}
	if ask(first) {
		t.Error("warned of the same twice")
	}
	// Who asks while others are being answered waits for theirs.
	var pages [3]*page
	var asked [3]int
	for i := range pages {
		pages[i] = visit(t, s.url)
		pages[i].open(document)
	}
	for i, p := range pages {
		asked[i] = p.say(trace.Command{Type: trace.Ask, Question: question, MaxTokens: 16})
	}
	for i, p := range pages {
		if got := text(t, p.until(asked[i], trace.Done)); got != "Ada Dixon keeps a fox." {
			t.Errorf("page %d of %d that asked at once: answered %q", i, len(pages), got)
		}
	}
	// What does not fit at all is refused with words.
	huge := visit(t, s.url)
	huge.until(huge.say(trace.Command{Type: trace.Load}), trace.Loaded)
	huge.until(huge.say(trace.Command{Type: trace.Open, Document: document, Context: 10_000_000}), trace.Opened)
	e := huge.until(huge.say(trace.Command{Type: trace.Ask, Question: question}), trace.Failed)
	if last := e[len(e)-1].Error; last.Code != trace.OutOfMemory || !strings.Contains(last.Message, "120.0 MiB") {
		t.Errorf("%+v, expected out_of_memory", last)
	}
}

func TestHeaders(t *testing.T) {
	c, done := config(t)
	c.Origins = []string{"https://school.example"}
	s := run(t, c, time.Minute, done)
	w := get(s, "GET", "/")
	for name, want := range map[string]string{
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "same-origin",
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, expected %q", name, got, want)
		}
	}
	csp := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self' ws://example.com wss://example.com;", "frame-ancestors 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("policy %q has no %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe-inline") || strings.Contains(csp, "%") {
		t.Errorf("policy %q", csp)
	}
	for _, worker := range []string{"/models/fetcher.js", "/explore/open-worker.js"} {
		if w := get(s, "GET", worker); !strings.Contains(w.Header().Get("Content-Security-Policy"), "connect-src 'self' https: http://localhost:* http://127.0.0.1:*; ") {
			t.Errorf("the worker that fetches models: policy %q", w.Header().Get("Content-Security-Policy"))
		}
	}
	for _, path := range []string{"/none", "/healthz", "/models.json", "/tokenselect.wasm"} {
		w := get(s, "GET", path)
		if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("X-Content-Type-Options") == "" {
			t.Errorf("%s without the headers", path)
		}
	}
	if w := get(s, "GET", "/tokenselect.wasm"); w.Code != 404 || !strings.Contains(w.Body.String(), "make wasm") {
		t.Errorf("no wasm: %d %s", w.Code, w.Body)
	}
	w = get(s, "GET", "/models.json", "Origin", "https://school.example")
	if w.Header().Get("Access-Control-Allow-Origin") != "https://school.example" || w.Header().Get("Cross-Origin-Resource-Policy") != "cross-origin" || !strings.Contains(strings.Join(w.Header().Values("Vary"), ","), "Origin") {
		t.Errorf("an allowed origin: %v", w.Header())
	}
	if w = get(s, "GET", "/models.json", "Origin", "https://other.example"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", w.Header())
	}
	if w = get(s, "OPTIONS", "/v1/chat/completions", "Origin", "https://school.example", "Access-Control-Request-Method", "POST"); w.Code != 204 || w.Header().Get("Access-Control-Allow-Methods") == "" {
		t.Errorf("preflight: %d %v", w.Code, w.Header())
	}
}

// TestHostileHost: what is no host does not get into the policy.
func TestHostileHost(t *testing.T) {
	c, done := config(t)
	s := run(t, c, time.Minute, done)
	for _, host := range []string{"a b", "x; script-src *", "x, y", "a/b", "[::1", ""} {
		r, _ := http.NewRequest("GET", "/", nil)
		r.Host = host
		w := &recorder{header: http.Header{}}
		s.ServeHTTP(w, r)
		if csp := w.header.Get("Content-Security-Policy"); !strings.Contains(csp, "connect-src 'self';") {
			t.Errorf("host %q: %q", host, csp)
		}
	}
}

type recorder struct{ header http.Header }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(int)             {}

func TestOrigin(t *testing.T) {
	c, done := config(t)
	c.Origins = []string{"https://school.example"}
	s := run(t, c, time.Minute, done)
	host := strings.TrimPrefix(s.url, "http://")
	for origin, ok := range map[string]bool{
		"": true, "http://" + host: true, "https://" + host: true, "https://school.example": true,
		"http://school.example": false, "https://evil.example": false, "null": false, "http://" + host + ".evil.example": false,
	} {
		h := http.Header{}
		if origin != "" {
			h.Set("Origin", origin)
		}
		ws, resp, err := websocket.DefaultDialer.Dial("ws://"+host+"/ws", h)
		if (err == nil) != ok || !ok && (resp == nil || resp.StatusCode != http.StatusForbidden) {
			t.Errorf("origin %q: %v %v, expected it allowed: %v", origin, resp, err, ok)
		}
		if err == nil {
			ws.Close()
		}
	}
	for _, bad := range []string{"school.example", "https://school.example/", "*", "ftp://x", ""} {
		c.Origins = []string{bad}
		if _, err := server.New(c); err == nil {
			t.Errorf("origin %q was taken", bad)
		}
	}
}

// TestShutdown: the answer that runs is finished, those who wait are told, then
// the page hears why the connection ends.
func TestShutdown(t *testing.T) {
	c, done := config(t)
	c.Generations = 1
	s := run(t, c, time.Minute, done)
	a, b := visit(t, s.url), visit(t, s.url)
	a.open(strings.Repeat(plain, 300) + people)
	b.open(people)
	asked := a.say(trace.Command{Type: trace.Ask, Question: question})
	a.until(asked, trace.Prefill)
	waits := b.say(trace.Command{Type: trace.Ask, Question: question})
	b.until(waits, trace.Queued)
	stopped := make(chan error, 1)
	go func() { stopped <- s.stop() }()
	if e := b.until(waits, trace.Failed); e[len(e)-1].Error.Code != trace.Overloaded {
		t.Errorf("who waited: %s", e[len(e)-1].Bytes())
	}
	if got := text(t, a.until(asked, trace.Done)); got != "Ada Dixon keeps a fox." {
		t.Errorf("answered %q", got)
	}
	for _, p := range []*page{a, b} {
		p.ws.SetReadDeadline(time.Now().Add(patience))
		if _, _, err := p.ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) || !strings.Contains(err.Error(), "shutting down") {
			t.Errorf("the end: %v", err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(s.url); err == nil {
		t.Error("the port is still served")
	}
}

// TestGrace: an answer that takes longer than the grace is ended.
func TestGrace(t *testing.T) {
	c, done := config(t)
	s := run(t, c, 10*time.Millisecond, done)
	p := visit(t, s.url)
	p.open(strings.Repeat(plain, 3000) + people)
	p.until(p.say(trace.Command{Type: trace.Ask, Question: question}), trace.Prefill)
	go s.stop()
	for {
		p.ws.SetReadDeadline(time.Now().Add(patience))
		if _, _, err := p.ws.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("the end: %v", err)
			}
			return
		}
	}
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	_, err = server.Listen(addr)
	if err == nil || !strings.Contains(err.Error(), "-addr "+addr) || !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), "8081") {
		t.Errorf("a port that is taken: %v", err)
	}
	for _, bad := range []string{"8080", "127.0.0.1:http:1", "256.1.1.1:0"} {
		if _, err := server.Listen(bad); err == nil || !strings.Contains(err.Error(), fmt.Sprint("-addr")) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
