package upstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/upstream"
)

const secret = "sk-0123456789abcdef"

func dial(t *testing.T, c upstream.Config) *upstream.Client {
	t.Helper()
	c.Key = secret
	client, err := upstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// raw is a server that answers every request for a completion with f, and has
// one model.
func raw(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			io.WriteString(w, `{"data":[{"id":"m","owned_by":"vllm","max_model_len":512}]}`)
			return
		}
		io.Copy(io.Discard, r.Body)
		f(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

// piece is an event of a stream with a text.
func piece(text string) string {
	return fmt.Sprintf("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", text)
}

const finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"

func say(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range events {
		io.WriteString(w, e)
		w.(http.Flusher).Flush()
	}
}

// complete is the text that came and how it ended.
func complete(c openai.Backend) (string, openai.Result, error) {
	text := ""
	res, err := c.Complete(context.Background(), openai.Request{Messages: []openai.Message{{Role: "user", Content: "Hello"}}},
		func(d openai.Delta) error { text += d.Text; return nil })
	return text, res, err
}

// TestGoodStreams: the forms in which engines stream.
func TestGoodStreams(t *testing.T) {
	for name, c := range map[string]struct {
		body, text string
		tokens     int
	}{
		"plain":       {piece("Good ") + piece("day.") + finish + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5}}\n\ndata: [DONE]\n\n", "Good day.", 5},
		"no counts":   {piece("Good ") + piece("day.") + finish + "data: [DONE]\n\n", "Good day.", 2},
		"no mark":     {piece("Good ") + piece("day.") + finish, "Good day.", 2},
		"CRLF":        {strings.ReplaceAll(piece("Good day.")+finish+"data: [DONE]\n\n", "\n", "\r\n"), "Good day.", 1},
		"comments":    {": hi\n\n: ho\n" + "event: x\nid: 7\n" + piece("Good day.") + finish + "data:[DONE]\n\n", "Good day.", 1},
		"many lines":  {"data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"Good day.\"}}]}\n\n" + finish + "data: [DONE]\n\n", "Good day.", 1},
		"empty":       {finish + "data: [DONE]\n\n", "", 0},
		"null fields": {"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}],\"usage\":null,\"error\":null}\n\n" + piece("Hi") + finish + "data: [DONE]\n\n", "Hi", 1},
	} {
		server := raw(t, func(w http.ResponseWriter, r *http.Request) { say(w, c.body) })
		text, res, err := complete(dial(t, upstream.Config{URL: server.URL}))
		if err != nil || text != c.text || res.FinishReason != "stop" || res.Usage.CompletionTokens != c.tokens {
			t.Errorf("%s: %q, %+v, %v", name, text, res, err)
		}
	}
	server := raw(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"message":{"content":"Good day."},"finish_reason":"length"}],"usage":{"completion_tokens":9}}`)
	})
	if text, res, err := complete(dial(t, upstream.Config{URL: server.URL + "/v1/"})); err != nil || text != "Good day." || res.FinishReason != "length" || res.Usage.CompletionTokens != 9 {
		t.Errorf("not streamed: %q, %+v, %v", text, res, err)
	}
}

// TestBadUpstreams: whatever an upstream does, the answer ends with an error
// that says it, and the key is in none.
func TestBadUpstreams(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	wait := func(r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-hang:
		}
	}
	for name, c := range map[string]struct {
		serve  http.HandlerFunc
		text   string
		status int
		code   string
	}{
		"stalls before the head": {func(w http.ResponseWriter, r *http.Request) { wait(r) }, "", 504, "upstream_timeout"},
		"stalls after the head":  {func(w http.ResponseWriter, r *http.Request) { say(w, ": hi\n\n"); wait(r) }, "", 504, "upstream_stalled"},
		"stalls in the middle":   {func(w http.ResponseWriter, r *http.Request) { say(w, piece("Good ")); wait(r) }, "Good ", 504, "upstream_stalled"},
		"dies in the middle": {func(w http.ResponseWriter, r *http.Request) {
			say(w, piece("Good "))
			panic(http.ErrAbortHandler)
		}, "Good ", 502, "upstream_died"},
		"dies in an event": {func(w http.ResponseWriter, r *http.Request) { say(w, piece("Good "), "data: {\"choi") }, "Good ", 502, "upstream_died"},
		"ends too early":   {func(w http.ResponseWriter, r *http.Request) { say(w, piece("Good "), "data: [DONE]\n\n") }, "Good ", 502, "upstream_garbage"},
		"garbage":          {func(w http.ResponseWriter, r *http.Request) { say(w, piece("Good "), "data: <html>\n\n") }, "Good ", 502, "upstream_garbage"},
		"a page":           {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>Welcome</html>") }, "", 502, "upstream_garbage"},
		"a huge line": {func(w http.ResponseWriter, r *http.Request) {
			say(w, piece("Good "))
			junk := bytes.Repeat([]byte("x"), 64<<10)
			for range 1000 {
				if _, err := w.Write(junk); err != nil {
					return
				}
			}
		}, "Good ", 502, "upstream_garbage"},
		"a huge event": {func(w http.ResponseWriter, r *http.Request) {
			say(w, piece("Good "))
			for range 1 << 20 {
				if _, err := io.WriteString(w, "data: xxxxxxxxxxxxxx\n"); err != nil {
					return
				}
			}
		}, "Good ", 502, "upstream_garbage"},
		"an error in the stream": {func(w http.ResponseWriter, r *http.Request) {
			say(w, piece("Good "), `data: {"error":{"message":"my key is `+secret+`","code":"oops"}}`+"\n\n")
		}, "Good ", 502, "oops"},
		"redirects": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:1/", 307) }, "", 502, ""},
		"not JSON": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, "{")
		}, "", 502, "upstream_garbage"},
	} {
		server := raw(t, c.serve)
		text, _, err := complete(dial(t, upstream.Config{URL: server.URL, First: 200 * time.Millisecond, Idle: 200 * time.Millisecond}))
		var e *openai.Error
		if !errors.As(err, &e) || text != c.text || e.Status != c.status || e.Code != c.code || e.Message == "" {
			t.Errorf("%s: %q, %v (%+v)", name, text, err, e)
		}
		if told, _ := json.Marshal(e); strings.Contains(fmt.Sprint(err), secret) || strings.Contains(string(told), secret) {
			t.Errorf("%s: the key is in %v", name, err)
		}
	}
}

// TestStatus: errors of the upstream are passed on in this server's form.
func TestStatus(t *testing.T) {
	for _, c := range []struct {
		status     int
		body       string
		want       int
		code, told string
	}{
		{400, `{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, 400, "context_length_exceeded", "too long"},
		{400, `{"object":"error","message":"old form","code":400}`, 400, "", "old form"},
		{422, `{"detail":[{"loc":["body"]}]}`, 422, "", `[{"loc":["body"]}]`},
		{404, `{"detail":"no such model"}`, 404, "", "no such model"},
		{404, `{"error":"no such model"}`, 404, "", "no such model"},
		{401, `{"error":{"message":"bad key ` + secret + `"}}`, 502, "upstream_key", "does not accept this server's API key"},
		{403, ``, 502, "upstream_key", "API key"},
		{429, `slow down`, 429, "", "slow down"},
		{503, ``, 503, "", "status 503"},
		{500, `{"error":{"message":"boom ` + secret + `"}}`, 502, "", "boom [key]"},
		{504, `late`, 504, "", "late"},
		{418, strings.Repeat("long ", 10000), 418, "", "long long"},
		{204, ``, 502, "", "status 204"},
	} {
		server := raw(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "9")
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		_, _, err := complete(dial(t, upstream.Config{URL: server.URL}))
		var e *openai.Error
		if !errors.As(err, &e) || e.Status != c.want || e.Code != c.code || !strings.Contains(e.Message, c.told) || len(e.Message) > 2000 || e.Type == "" {
			t.Errorf("%d %.80s: %+v", c.status, c.body, e)
			continue
		}
		if (c.status == 429 || c.status == 503) && e.RetryAfter != 9*time.Second {
			t.Errorf("%d: try again after %v", c.status, e.RetryAfter)
		}
		if strings.Contains(e.Error(), secret) {
			t.Errorf("the key is in %v", e)
		}
	}
}

// TestRequest: what the client asked for is what the upstream is asked, with
// this server's key and no other field.
func TestRequest(t *testing.T) {
	asked := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked <- r.Header.Get("Authorization") + " " + r.URL.Path + " " + string(body)
		say(w, finish)
	}))
	defer server.Close()
	half, two, seed := 0.5, 2, int64(4)
	c := dial(t, upstream.Config{URL: server.URL + "/v1"})
	_, err := c.Complete(context.Background(), openai.Request{Model: "x", Messages: []openai.Message{{Role: "user", Content: "Hi"}}, MaxTokens: 3,
		Temperature: &half, TopP: &half, TopK: &two, Seed: &seed, Stop: []string{"."},
		Format: &openai.Format{Schema: json.RawMessage(`{"type":"object"}`), Said: json.RawMessage(`{"type":"json_object"}`)}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "Bearer " + secret + ` /v1/chat/completions {"model":"x","messages":[{"role":"user","content":"Hi"}],"max_tokens":3,"temperature":0.5,"top_p":0.5,"top_k":2,"seed":4,"stop":["."],"response_format":{"type":"json_object"},"stream":true,"stream_options":{"include_usage":true}}`
	if got := <-asked; got != want {
		t.Errorf("%s\nexpected\n%s", got, want)
	}
}

// TestRefusedConnection: is tried once more, and no oftener.
func TestRefusedConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c := dial(t, upstream.Config{URL: "http://" + address})
	var e *openai.Error
	if _, _, err := complete(c); !errors.As(err, &e) || e.Status != 502 || e.Code != "upstream_unreachable" || strings.Contains(e.Message, address) {
		t.Errorf("%v", err)
	}
	var up sync.WaitGroup
	up.Go(func() { // it restarts while the first try is refused
		time.Sleep(50 * time.Millisecond)
		if l, err := net.Listen("tcp", address); err == nil {
			server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { say(w, piece("back"), finish) })}}
			server.Start()
			t.Cleanup(server.Close)
		}
	})
	text := ""
	_, err = c.Complete(context.Background(), openai.Request{Model: "m"}, func(d openai.Delta) error { text += d.Text; return nil })
	up.Wait()
	if err != nil || text != "back" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestNoRetry: after the upstream has answered anything it is not asked again.
func TestNoRetry(t *testing.T) {
	var mu sync.Mutex
	asked := 0
	server := raw(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked++
		mu.Unlock()
		say(w, piece("Good "))
		panic(http.ErrAbortHandler)
	})
	complete(dial(t, upstream.Config{URL: server.URL}))
	mu.Lock()
	defer mu.Unlock()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestCancels: when nobody listens any more, the upstream is told.
func TestCancels(t *testing.T) {
	for name, end := range map[string]func(cancel func()) error{
		"the client goes": func(cancel func()) error { cancel(); return nil },
		"an error":        func(func()) error { return errors.New("enough") },
	} {
		gone := make(chan struct{})
		server := raw(t, func(w http.ResponseWriter, r *http.Request) {
			say(w, piece("Good "))
			<-r.Context().Done()
			close(gone)
		})
		ctx, cancel := context.WithCancel(context.Background())
		_, err := dial(t, upstream.Config{URL: server.URL}).Complete(ctx, openai.Request{Model: "m"}, func(openai.Delta) error { return end(cancel) })
		if err == nil || !errors.Is(err, context.Canceled) && err.Error() != "enough" {
			t.Errorf("%s: %v", name, err)
		}
		select {
		case <-gone:
		case <-time.After(time.Minute):
			t.Fatalf("%s: the upstream goes on", name)
		}
		cancel()
	}
}

// TestBackpressure: while the client takes nothing, nothing is read from the
// upstream beyond what the connection holds.
func TestBackpressure(t *testing.T) {
	var mu sync.Mutex
	sent := 0
	server := raw(t, func(w http.ResponseWriter, r *http.Request) {
		text := piece(strings.Repeat("x", 64<<10))
		for range 1000 { // 64 MB
			if _, err := io.WriteString(w, text); err != nil {
				return
			}
			mu.Lock()
			sent++
			mu.Unlock()
		}
	})
	progress := func() int {
		mu.Lock()
		defer mu.Unlock()
		return sent
	}
	stop := errors.New("enough")
	_, err := dial(t, upstream.Config{URL: server.URL}).Complete(context.Background(), openai.Request{Model: "m"}, func(openai.Delta) error {
		for before := -1; before != progress(); { // until the sender has come to rest
			before = progress()
			time.Sleep(50 * time.Millisecond)
		}
		return stop
	})
	if !errors.Is(err, stop) || progress() == 1000 {
		t.Errorf("%v; all was sent to a client that took one piece", err)
	}
}

func TestModels(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		io.WriteString(w, `{"object":"list","data":[{"id":"a","object":"x","owned_by":"vllm","max_model_len":512,"permission":[]},{"id":""}]}`)
	}))
	defer server.Close()
	c := dial(t, upstream.Config{URL: server.URL})
	for range 2 {
		list, err := c.Models(context.Background())
		if err != nil || len(list) != 1 || list[0].ID != "a" || list[0].Context != 512 || list[0].Object != "model" {
			t.Errorf("%+v, %v", list, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestConfig(t *testing.T) {
	for _, u := range []string{"", "localhost:8000", "ftp://x", "http://", "http://u:" + secret + "@host", "http://x/v1?key=1", "http://\x00"} {
		if _, err := upstream.New(upstream.Config{URL: u}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", u, err)
		}
	}
	path := filepath.Join(t.TempDir(), "key")
	for text, want := range map[string]string{" " + secret + "\n": secret, "a b": "!", "\n": "!", secret + "\n" + secret: "!"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := upstream.ReadKey(path)
		if (want == "!") != (err != nil) || err == nil && key != want || err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %q, %v", text, key, err)
		}
	}
	t.Setenv(upstream.KeyVariable, secret)
	if key, err := upstream.ReadKey(""); key != secret || err != nil {
		t.Errorf("of the environment: %v", err)
	}
	if _, err := upstream.ReadKey(path + "x"); err == nil {
		t.Error("a file that is not there")
	}
}
