package upstream_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/cmd/tokenselect/internal/server/upstream"
	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// second is a second instance of this program's API, with the default model.
func second(t *testing.T) (*session.Model, *httptest.Server) {
	t.Helper()
	dev := gpu.Share(cpudev.New(cpudev.Options{}))
	t.Cleanup(dev.Close)
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	m, err := session.Load(dev, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	p, err := pool.New(pool.Config{Model: m, Name: "needle"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	server := httptest.NewServer(openai.New(p, openai.Config{}))
	t.Cleanup(server.Close)
	return m, server
}

const (
	people = "Felix Ellis is 64 years old. Ada Dixon keeps a fox at home. Peter Webb works as a pilot."
	fox    = "Which animal does Ada Dixon keep?"
	age    = "How old is Felix Ellis?"
)

// TestChain: through this server and another the API says what the other's
// engine says, its counts and its errors included.
func TestChain(t *testing.T) {
	_, back := second(t)
	front := httptest.NewServer(openai.New(dial(t, upstream.Config{URL: back.URL}), openai.Config{}))
	defer front.Close()
	post := func(url, body string) (int, string) {
		resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(raw)
	}
	ask := func(document, more string) string {
		raw, _ := json.Marshal(document + "\n\n" + fox)
		return `{"messages":[{"role":"user","content":` + string(raw) + `}],"max_tokens":32` + more + `}`
	}
	document := strings.Repeat("It was a plain day. ", 80) + people
	if status, body := post(front.URL, ask(document, "")); status != 200 || !strings.Contains(body, `"content":"Ada Dixon keeps a fox."`) || !strings.Contains(body, `"model":"needle"`) || !strings.Contains(body, `"cached_tokens":0`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := post(front.URL, ask(document, `,"stream":true,"stream_options":{"include_usage":true}`)); status != 200 || !strings.Contains(body, `"cached_tokens":512`) || !strings.HasSuffix(body, "data: [DONE]\n\n") {
		t.Errorf("%d %s", status, body)
	}
	format := func(schema string) string {
		return `,"response_format":{"type":"json_schema","json_schema":{"name":"animal","schema":` + schema + `}}`
	}
	if status, body := post(front.URL, ask(document, format(`{"enum":[64]}`))); status != 200 || !strings.Contains(body, `"content":"64"`) {
		t.Errorf("%d %s", status, body)
	}
	for _, bad := range []string{`,"model":"other"`, `,"selection":{"policy":"best"}`, format(`{"not":{}}`)} {
		want, told := post(back.URL, ask(document, bad))
		if status, body := post(front.URL, ask(document, bad)); status != want || body != told || status < 400 {
			t.Errorf("%s: %d %s, the upstream says %d %s", bad, status, body, want, told)
		}
	}
	back.Close()
	if status, body := post(front.URL, ask(document, "")); status != 502 || !strings.Contains(body, "upstream_unreachable") {
		t.Errorf("without an upstream: %d %s", status, body)
	}
}

// visit is a page in a test.
type visit struct {
	t        *testing.T
	commands chan trace.Command
	events   chan trace.Event
	id       int
}

func serve(t *testing.T, c *upstream.Client) *visit {
	v := &visit{t: t, commands: make(chan trace.Command), events: make(chan trace.Event, 1000)}
	ended := make(chan error, 1)
	h := &upstream.Host{Client: c, Where: "server"}
	go func() {
		ended <- h.Serve(context.Background(), v.commands, func(e trace.Event) error { v.events <- e; return nil })
	}()
	t.Cleanup(func() {
		close(v.commands)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("served until %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the host does not end")
		}
	})
	return v
}

func (v *visit) say(c trace.Command) int {
	v.id++
	c.ID = v.id
	v.commands <- c
	return c.ID
}

// until is the events of a command up to one of the type.
func (v *visit) until(id int, kind string) (all []trace.Event) {
	v.t.Helper()
	for {
		select {
		case e := <-v.events:
			if all = append(all, e); e.ID == id && e.Type == kind {
				return all
			}
			if e.Type == trace.Failed || e.Type == trace.Done {
				v.t.Fatalf("%s, expected %s", e.Bytes(), kind)
			}
		case <-time.After(time.Minute):
			v.t.Fatalf("no %s came", kind)
		}
	}
}

func (v *visit) last(c trace.Command, kind string) trace.Event {
	v.t.Helper()
	all := v.until(v.say(c), kind)
	return all[len(all)-1]
}

// TestHost: a page asks about a document and asks again, and reads what a page
// of the upstream itself would.
func TestHost(t *testing.T) {
	m, back := second(t)
	v := serve(t, dial(t, upstream.Config{URL: back.URL}))
	if e := v.last(trace.Command{Type: trace.Hello, V: trace.Version}, trace.Hello); e.Where != "server" || e.V != trace.Version {
		t.Errorf("%s", e.Bytes())
	}
	for _, c := range []trace.Command{{Type: trace.Open}, {Type: trace.Ask, Question: fox}, {Type: trace.Select}, {Type: trace.Load, Model: "other"}} {
		if e := v.last(c, trace.Failed); e.Error.Code != trace.BadCommand && e.Error.Code != trace.BadModel {
			t.Errorf("%s before a load: %s", c.Type, e.Bytes())
		}
	}
	if e := v.last(trace.Command{Type: trace.Load}, trace.Loaded); e.Info.Device != "upstream" || e.Info.Model != "needle" || e.Info.Context < 1024 {
		t.Errorf("%s", e.Bytes())
	}
	document := strings.Repeat("It was a plain day. ", 80) + people + "\n"
	cfg, _ := m.Apply(nil)
	conv, err := m.NewConversation(document, session.Options{Selection: cfg, MaxTokens: 32})
	if err != nil {
		t.Fatal(err)
	}
	defer conv.Close()
	v.last(trace.Command{Type: trace.Open, Document: document}, trace.Opened)
	for i, q := range []string{fox, age} {
		want, err := conv.Ask(context.Background(), q, nil)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		all := v.until(v.say(trace.Command{Type: trace.Ask, Question: q, MaxTokens: 32}), trace.Done)
		for _, e := range all[:len(all)-1] {
			text += e.Text
		}
		done := all[len(all)-1]
		if text != want.Text || done.Text != text || done.Reason != "stop" || done.Stats.AnswerTokens != len(want.IDs) {
			t.Errorf("%q, %s, expected %q", text, done.Bytes(), want.Text)
		}
		if i == 0 && done.Stats.PromptTokens != want.PromptTokens || i == 1 && done.Stats.PromptTokens > 350 {
			t.Errorf("question %d read %d tokens", i, done.Stats.PromptTokens)
		}
	}
	k := 0
	if e := v.last(trace.Command{Type: trace.Ask, Question: fox, Selection: &trace.Selection{K: &k}}, trace.Failed); e.Error.Code != trace.BadCommand || !strings.Contains(e.Error.Message, "k is 0") {
		t.Errorf("%s", e.Bytes())
	}
	k = 64
	neighbours := 3
	if e := v.last(trace.Command{Type: trace.Select, Selection: &trace.Selection{K: &k, Pool: &neighbours}}, trace.Selected); *e.Selection.K != 64 || *e.Selection.Pool != 3 || e.Warning != "" {
		t.Errorf("%s", e.Bytes())
	}
	if e := v.last(trace.Command{Type: trace.Ask, Question: fox}, trace.Done); !strings.Contains(e.Text, "fox") {
		t.Errorf("%s", e.Bytes())
	}
	v.last(trace.Command{Type: trace.Unload}, trace.Unloaded)
}

// TestHostStopsAndFails: a page can stop an answer, and is told when the upstream
// stalls; then it asks again.
func TestHostStopsAndFails(t *testing.T) {
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			io.WriteString(w, `{"data":[{"id":"m","owned_by":"vllm"}]}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		asked <- string(body)
		say(w, piece("Good "))
		if !strings.Contains(string(body), "short") {
			<-r.Context().Done()
			return
		}
		say(w, piece("day."), finish)
	}))
	defer server.Close()
	v := serve(t, dial(t, upstream.Config{URL: server.URL}))
	v.last(trace.Command{Type: trace.Load}, trace.Loaded)
	if e := v.last(trace.Command{Type: trace.Open, Document: "D", Selection: &trace.Selection{Policy: "dense"}}, trace.Opened); e.Warning == "" {
		t.Error("nothing says that the policy has no effect")
	}
	id := v.say(trace.Command{Type: trace.Ask, Question: "long"})
	v.until(id, trace.Token)
	v.say(trace.Command{Type: trace.Open})
	if e := v.until(v.id, trace.Failed); e[len(e)-1].Error.Code != trace.Busy {
		t.Errorf("%s", e[len(e)-1].Bytes())
	}
	v.commands <- trace.Command{Type: trace.Stop, ID: id}
	if all := v.until(id, trace.Done); all[len(all)-1].Reason != "stopped" || all[len(all)-1].Text != "Good " {
		t.Errorf("%s", all[len(all)-1].Bytes())
	}
	if e := v.last(trace.Command{Type: trace.Ask, Question: "short"}, trace.Done); e.Text != "Good day." {
		t.Errorf("%s", e.Bytes())
	}
	<-asked
	want := `"messages":[{"role":"user","content":"D\n\nlong"},{"role":"assistant","content":"Good "},{"role":"user","content":"short"}],"max_tokens":256,"temperature":0,"stream":true,`
	if got := <-asked; !strings.Contains(got, want) {
		t.Errorf("%s, expected in it %s", got, want)
	}

	stalls := serve(t, dial(t, upstream.Config{URL: server.URL, Idle: 100 * time.Millisecond}))
	stalls.last(trace.Command{Type: trace.Load}, trace.Loaded)
	stalls.last(trace.Command{Type: trace.Open}, trace.Opened)
	if e := stalls.last(trace.Command{Type: trace.Ask, Question: "long"}, trace.Failed); !strings.Contains(e.Error.Message, "stalled") {
		t.Errorf("%s", e.Bytes())
	}
	if e := stalls.last(trace.Command{Type: trace.Ask, Question: "short"}, trace.Done); e.Text != "Good day." {
		t.Errorf("%s", e.Bytes())
	}
}
