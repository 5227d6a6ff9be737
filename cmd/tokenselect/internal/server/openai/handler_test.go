package openai_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
)

// script is a backend that says its pieces, and remembers what it was asked.
type script struct {
	pieces []string
	err    error // after the pieces
	asked  openai.Request
	gate   chan struct{} // if not nil, is read before each piece
	ended  chan error    // if not nil, gets why Complete ended
}

func (s *script) Models(context.Context) ([]openai.Model, error) {
	return []openai.Model{{ID: "one/model", Object: "model", OwnedBy: openai.Owner, Context: 4096}}, nil
}

func (s *script) Complete(ctx context.Context, r openai.Request, emit func(openai.Delta) error) (res openai.Result, err error) {
	s.asked = r
	if s.ended != nil {
		defer func() { s.ended <- err }()
	}
	for _, p := range s.pieces {
		if s.gate != nil {
			select {
			case <-s.gate:
			case <-ctx.Done():
				return res, ctx.Err()
			}
		}
		if err := emit(openai.Delta{Text: p}); err != nil {
			return res, err
		}
	}
	res.FinishReason = openai.FinishStop
	res.Usage = openai.Usage{PromptTokens: 7, CompletionTokens: len(s.pieces), PromptDetails: openai.PromptDetails{CachedTokens: 3}}
	return res, s.err
}

func start(t *testing.T, s *script, c openai.Config) *httptest.Server {
	t.Helper()
	if c.Log == nil {
		c.Log = func(err error) { t.Log(err) }
	}
	server := httptest.NewServer(openai.New(s, c))
	t.Cleanup(server.Close)
	return server
}

func post(t *testing.T, server *httptest.Server, body string) *http.Response {
	t.Helper()
	resp, err := http.Post(server.URL+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

const hello = `{"model":"one/model","messages":[{"role":"user","content":"Hello"}]`

func TestWhole(t *testing.T) {
	s := &script{pieces: []string{"Good ", "", "day."}}
	outcomes := make(chan openai.Outcome, 1)
	server := start(t, s, openai.Config{Observe: func(o openai.Outcome) { outcomes <- o }, Now: func() time.Time { return time.Unix(1700000000, 0) }})
	resp := post(t, server, hello+`}`)
	var got map[string]any
	if err := json.Unmarshal([]byte(read(t, resp.Body)), &got); err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	if id, _ := got["id"].(string); !strings.HasPrefix(id, "chatcmpl-") || len(id) < 20 {
		t.Errorf("id %q", id)
	}
	delete(got, "id")
	want := `{"choices":[{"finish_reason":"stop","index":0,"logprobs":null,"message":{"content":"Good day.","role":"assistant"}}],` +
		`"created":1700000000,"model":"one/model","object":"chat.completion",` +
		`"usage":{"completion_tokens":3,"prompt_tokens":7,"prompt_tokens_details":{"cached_tokens":3},"total_tokens":10}}`
	if raw, _ := json.Marshal(got); string(raw) != want {
		t.Errorf("%s\nexpected\n%s", raw, want)
	}
	if o := <-outcomes; o.Status != 200 || o.Stream || o.Usage.TotalTokens != 10 {
		t.Errorf("%+v", o)
	}
}

// TestFields: every field that is honoured arrives, the others do no harm.
func TestFields(t *testing.T) {
	s := &script{}
	server := start(t, s, openai.Config{})
	resp := post(t, server, `{"user":"x","metadata":{"a":[1,{"b":2}]},"n":1,"tools":[],"tool_choice":"auto","response_format":{"type": "text"},"logprobs":null,
		"messages":[{"role":"developer","content":"Be brief."},{"role":"user","name":"Jo","content":[{"type":"text","text":"One"},{"type":"text","text":"Two"}]},{"role":"assistant","content":"\ud800é","tool_calls":[]}],
		"max_tokens":5,"max_completion_tokens":9,"temperature":0.5,"top_p":0.25,"top_k":-1,"seed":-3,"stop":["a","b"],"repetition_penalty":1.5,"frequency_penalty":0,
		"selection":{"policy":"window","k":12},"stream":false}`)
	if resp.StatusCode != 200 {
		t.Fatal(read(t, resp.Body))
	}
	raw, _ := json.Marshal(s.asked)
	want := `{"Model":"one/model","Messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"One\nTwo"},{"role":"assistant","content":"` + "\ufffd" + `é"}],` +
		`"MaxTokens":9,"Temperature":0.5,"TopP":0.25,"TopK":-1,"RepetitionPenalty":1.5,"Seed":-3,"Stop":["a","b"],"Selection":{"policy":"window","k":12},"Format":null}`
	if string(raw) != want {
		t.Errorf("%s\nexpected\n%s", raw, want)
	}
	if post(t, server, hello+`,"stop":"x","temperature":null}`); len(s.asked.Stop) != 1 || s.asked.Stop[0] != "x" || s.asked.Temperature != nil {
		t.Errorf("%+v", s.asked)
	}
}

// TestFormat: the schema of a format arrives, and the format as it was said.
func TestFormat(t *testing.T) {
	s := &script{}
	server := start(t, s, openai.Config{})
	for _, c := range []struct{ format, schema string }{
		{`{"type":"json_object"}`, `{"type":"object"}`},
		{`{"type":"json_schema","json_schema":{"name":"person_1","description":"d","strict":true,"schema":{"type": "object"}}}`, `{"type": "object"}`},
	} {
		if resp := post(t, server, hello+`,"response_format":`+c.format+`}`); resp.StatusCode != 200 {
			t.Fatal(read(t, resp.Body))
		}
		if f := s.asked.Format; f == nil || string(f.Schema) != c.schema || string(f.Said) != c.format {
			t.Errorf("%s: %+v", c.format, s.asked)
		}
	}
	if post(t, server, hello+`,"response_format":{"type":"text"}}`); s.asked.Format != nil {
		t.Errorf("%+v", s.asked.Format)
	}
}

// failure is an error as it comes over the wire.
type failure struct {
	Error struct {
		Message, Type, Param, Code string
	}
}

// TestRefusals: what cannot be honoured is refused by name, and hostile bodies
// do no more than that.
func TestRefusals(t *testing.T) {
	s := &script{}
	server := start(t, s, openai.Config{Body: 1 << 20})
	message := func(m string) string { return `{"messages":[` + m + `]}` }
	for _, c := range []struct {
		body        string
		status      int
		param, told string
	}{
		{hello + `,"n":2}`, 400, "n", "n is not supported"},
		{hello + `,"tools":[{"type":"function"}]}`, 400, "tools", "tools is not supported"},
		{hello + `,"logprobs":true}`, 400, "logprobs", ""},
		{hello + `,"response_format":{"type":"json_schema","json_schema":{}}}`, 400, "response_format", `json_schema.name is ""`},
		{hello + `,"response_format":{"type":"json_schema"}}`, 400, "response_format", "no json_schema"},
		{hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"a b","schema":{}}}}`, 400, "response_format", `"a b"`},
		{hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"a"}}}`, 400, "response_format", "json_schema.schema is not there"},
		{hello + `,"response_format":{"type":"json_object","schema":{}}}`, 400, "response_format", `"schema"`},
		{hello + `,"response_format":{"type":"json_object","json_schema":{"name":"a","schema":{}}}}`, 400, "response_format", "for the type json_schema"},
		{hello + `,"response_format":{"type":"xml"}}`, 400, "response_format", `"xml", expected text, json_object or json_schema`},
		{hello + `,"response_format":"json"}`, 400, "response_format", "is a JSON string"},
		{hello + `,"presence_penalty":0.5}`, 400, "presence_penalty", ""},
		{hello + `,"temperature":3}`, 400, "temperature", "3, expected 0 to 2"},
		{hello + `,"temperature":"hot"}`, 400, "temperature", "is a JSON string"},
		{hello + `,"max_tokens":0}`, 400, "max_tokens", "0, expected 1"},
		{hello + `,"max_tokens":1e30}`, 400, "max_tokens", ""},
		{hello + `,"stop":[""]}`, 400, "stop", ""},
		{hello + `,"stop":["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"]}`, 400, "stop", "17 strings"},
		{hello + `,"selection":{"kk":1}}`, 400, "selection", "kk"},
		{hello + `,"stream":"yes"}`, 400, "stream", ""},
		{hello + `}{`, 400, "", "something follows"},
		{hello, 400, "", "ends before"},
		{``, 400, "", "ends before"},
		{`[]`, 400, "", "not a JSON object"},
		{`{"a" 1}`, 400, "", "not JSON"},
		{`{}`, 400, "messages", "none"},
		{`{"messages":{}}`, 400, "messages", "not a list"},
		{`{"messages":null}`, 400, "messages", "none"},
		{message(`{"role":"tool","content":"x"}`), 400, "messages", `"tool"`},
		{message(`{"role":"user"}`), 400, "messages", "no content"},
		{message(`{"role":"user","content":7}`), 400, "messages", "number"},
		{message(`{"role":"user","content":[{"type":"image_url","image_url":{}}]}`), 400, "messages", `"image_url"`},
		{message(`{"role":"assistant","content":"","tool_calls":[{"id":"1"}]}`), 400, "messages", "calls a tool"},
		{message(strings.Repeat(`{"role":"user","content":""},`, 5000) + `{}`), 400, "messages", "more than 4096"},
		{message(`{"role":"user","content":[` + strings.Repeat(`{"type":"text","text":""},`, 5000) + `{}]}`), 400, "messages", "more than 4096"},
		{`{"x":` + strings.Repeat("[", 100000), 400, "", ""},
		{message(`{"role":"user","content":"` + strings.Repeat("x", 1<<20) + `"}`), 413, "", "larger than 1048576 bytes"},
	} {
		resp := post(t, server, c.body)
		var e failure
		raw := read(t, resp.Body)
		if err := json.Unmarshal([]byte(raw), &e); err != nil || resp.StatusCode != c.status || e.Error.Param != c.param ||
			e.Error.Type != "invalid_request_error" || e.Error.Message == "" || !strings.Contains(e.Error.Message, c.told) {
			t.Errorf("%.120s: %s %s, expected %d for %q with %q", c.body, resp.Status, raw, c.status, c.param, c.told)
		}
	}
}

func TestRoutes(t *testing.T) {
	server := start(t, &script{}, openai.Config{})
	for _, c := range []struct {
		method, path, kind, want string
		status                   int
	}{
		{"GET", "/v1/models", "", `"context_length":4096`, 200},
		{"GET", "/v1/models/one/model", "", `"id":"one/model"`, 200},
		{"GET", "/v1/models/two", "", `model_not_found`, 404},
		{"GET", "/v1/chat/completions", "", `method_not_allowed`, 405},
		{"DELETE", "/v1/models", "", `method_not_allowed`, 405},
		{"POST", "/v1/embeddings", "application/json", `unknown_url`, 404},
		{"POST", "/v1/chat/completions", "text/plain", `unsupported_media_type`, 415},
		{"POST", "/v1/chat/completions", "", `unsupported_media_type`, 415},
	} {
		req, _ := http.NewRequest(c.method, server.URL+c.path, strings.NewReader(hello+"}"))
		if c.kind != "" {
			req.Header.Set("Content-Type", c.kind)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if raw := read(t, resp.Body); resp.StatusCode != c.status || !strings.Contains(raw, c.want) {
			t.Errorf("%s %s: %s %s", c.method, c.path, resp.Status, raw)
		}
		resp.Body.Close()
	}
}

// events reads the data of a stream.
func events(t *testing.T, r io.Reader) (data []string) {
	t.Helper()
	for _, event := range strings.Split(strings.TrimSuffix(read(t, r), "\n\n"), "\n\n") {
		if strings.HasPrefix(event, ":") {
			continue
		}
		d, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.Contains(d, "\n") {
			t.Errorf("event %q", event)
		}
		data = append(data, d)
	}
	return data
}

func TestStream(t *testing.T) {
	s := &script{pieces: []string{"Good\n\n", "day."}}
	server := start(t, s, openai.Config{Now: func() time.Time { return time.Unix(1700000000, 0) }})
	for _, usage := range []bool{false, true} {
		resp := post(t, server, fmt.Sprintf(`%s,"stream":true,"stream_options":{"include_usage":%v}}`, hello, usage))
		if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			t.Errorf("type %q", kind)
		}
		got := events(t, resp.Body)
		var id string
		for i, d := range got {
			var c struct{ ID string }
			if json.Unmarshal([]byte(d), &c) == nil {
				if id == "" {
					id = c.ID
				}
				got[i] = strings.Replace(d, id, "ID", 1)
			}
		}
		head, none := `{"id":"ID","object":"chat.completion.chunk","created":1700000000,"model":"one/model","choices":[`, ""
		if usage {
			none = `,"usage":null`
		}
		want := []string{
			head + `{"index":0,"delta":{"role":"assistant"},"logprobs":null,"finish_reason":null}]` + none + `}`,
			head + `{"index":0,"delta":{"content":"Good\n\n"},"logprobs":null,"finish_reason":null}]` + none + `}`,
			head + `{"index":0,"delta":{"content":"day."},"logprobs":null,"finish_reason":null}]` + none + `}`,
			head + `{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]` + none + `}`,
		}
		if usage {
			want = append(want, head+`],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":3}}}`)
		}
		if want = append(want, "[DONE]"); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestStreamErrors: an error before the first piece has its status, one after
// it comes in the stream; both end it. What is not for clients is logged.
func TestStreamErrors(t *testing.T) {
	secret := errors.New("secret detail")
	var logged []string
	s := &script{err: secret}
	outcomes := make(chan openai.Outcome, 1)
	server := start(t, s, openai.Config{Log: func(err error) { logged = append(logged, err.Error()) }, Observe: func(o openai.Outcome) { outcomes <- o }})
	resp := post(t, server, hello+`,"stream":true}`)
	if raw := read(t, resp.Body); resp.StatusCode != 500 || !strings.Contains(raw, `"internal_error"`) || strings.Contains(raw, "secret") {
		t.Errorf("%s %s", resp.Status, raw)
	}
	<-outcomes
	s.err = &openai.Error{Status: 503, Message: "full", Type: openai.Overloaded, RetryAfter: 7 * time.Second}
	resp = post(t, server, hello+`,"stream":true}`)
	if raw := read(t, resp.Body); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "7" || !strings.Contains(raw, `"full"`) {
		t.Errorf("%s %s", resp.Status, raw)
	}
	<-outcomes
	s.err, s.pieces = secret, []string{"Good "}
	resp = post(t, server, hello+`,"stream":true}`)
	got := events(t, resp.Body)
	if n := len(got); n != 4 || !strings.HasPrefix(got[2], `{"error":{"message":"the engine failed`) || got[3] != "[DONE]" {
		t.Errorf("%q", got)
	}
	if o := <-outcomes; o.Status != 500 || !o.Stream || o.First <= 0 {
		t.Errorf("%+v", o)
	}
	if len(logged) != 2 || !strings.Contains(logged[0], "secret detail") {
		t.Errorf("logged %q", logged)
	}
}

// TestKeepAlive: a stream that has nothing to say shows that it is there.
func TestKeepAlive(t *testing.T) {
	s := &script{pieces: []string{"Good"}, gate: make(chan struct{})}
	server := start(t, s, openai.Config{KeepAlive: time.Millisecond})
	resp := post(t, server, hello+`,"stream":true}`)
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); err != nil || line[0] != ':' {
		t.Errorf("%q, %v", line, err)
	}
	lines.ReadString('\n')
	s.gate <- struct{}{}
	if rest := events(t, lines); rest[len(rest)-1] != "[DONE]" {
		t.Errorf("%q", rest)
	}
}

// TestGone: when a client goes, streaming or not, its answer ends.
func TestGone(t *testing.T) {
	for _, streaming := range []bool{true, false} {
		s := &script{pieces: []string{"a", "b", "c"}, gate: make(chan struct{}), ended: make(chan error, 1)}
		outcomes := make(chan openai.Outcome, 1)
		server := start(t, s, openai.Config{Observe: func(o openai.Outcome) { outcomes <- o }})
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, "POST", server.URL+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(`%s,"stream":%v}`, hello, streaming)))
		req.Header.Set("Content-Type", "application/json")
		go func() {
			s.gate <- struct{}{}
			cancel()
		}()
		if resp, err := http.DefaultClient.Do(req); err == nil {
			io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		select {
		case err := <-s.ended:
			if err == nil {
				t.Error("the answer was told to its end")
			}
		case <-time.After(time.Minute):
			t.Fatal("the answer goes on without its client")
		}
		if o := <-outcomes; o.Status != 499 {
			t.Errorf("%+v", o)
		}
	}
}

// TestTimeout: an answer that takes too long ends with its own error.
func TestTimeout(t *testing.T) {
	s := &script{pieces: []string{"a"}, gate: make(chan struct{})}
	server := start(t, s, openai.Config{Timeout: time.Millisecond})
	if resp := post(t, server, hello+`}`); resp.StatusCode != 504 || !strings.Contains(read(t, resp.Body), `"timeout"`) {
		t.Error(resp.Status)
	}
}

// TestSlowBody: a body that does not come in time is given up.
func TestSlowBody(t *testing.T) {
	server := start(t, &script{}, openai.Config{BodyTimeout: 20 * time.Millisecond})
	r, w := io.Pipe()
	defer w.Close()
	go w.Write([]byte(`{"messages":[`))
	resp, err := http.Post(server.URL+"/v1/chat/completions", "application/json", r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if raw := read(t, resp.Body); resp.StatusCode != 408 {
		t.Errorf("%s %s", resp.Status, raw)
	}
}
