package openai

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
)

// FuzzBody: the body of a request is refused as the client's mistake, or is within
// the bounds of every field.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],"max_tokens":5,"temperature":0.5,"top_p":1,"top_k":-1,"seed":3,"stop":["a","b"],"stream":true,"stream_options":{"include_usage":true}}`,
		`{"messages":[{"role":"assistant","content":"a","tool_calls":[]}],"stop":"x","n":1,"logit_bias":{},"selection":{"policy":"dense","k":4},"unknown":{"a":[1,{}]}}`,
		`{"messages":[{"role":"developer","content":null}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}}`,
		`{"messages":[{"role":"user","content":""}],"response_format":{"type":"json_object"},"max_completion_tokens":null,"repetition_penalty":1.1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, e := parse(bytes.NewReader(raw))
		if e != nil {
			if e.Status != http.StatusBadRequest || e.Message == "" {
				t.Fatalf("status %d, %q", e.Status, e.Message)
			}
			return
		}
		if len(c.Messages) == 0 || len(c.Messages) > maxMessages || c.MaxTokens < 0 || len(c.Stop) > maxStop {
			t.Fatalf("%d messages, %d tokens, %d stops", len(c.Messages), c.MaxTokens, len(c.Stop))
		}
		for _, m := range c.Messages {
			if roles[m.Role] != m.Role {
				t.Fatalf("the role %q", m.Role)
			}
		}
		for _, v := range []struct {
			value  *float64
			lo, hi float64
		}{{c.Temperature, 0, 2}, {c.TopP, 0, 1}, {c.RepetitionPenalty, 0.01, 10}} {
			if v.value != nil && !(*v.value >= v.lo && *v.value <= v.hi) {
				t.Fatalf("%v, expected %v to %v", *v.value, v.lo, v.hi)
			}
		}
		if c.Format != nil && !json.Valid(c.Format.Schema) {
			t.Fatalf("a schema that is not JSON: %q", c.Format.Schema)
		}
	})
}
