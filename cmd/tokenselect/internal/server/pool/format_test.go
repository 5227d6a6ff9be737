package pool_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
)

// inFormat is the question for an answer by a schema.
func inFormat(document, question, schema string) openai.Request {
	r := ask(document, question)
	r.MaxTokens, r.Format = 60, &openai.Format{Schema: json.RawMessage(schema)}
	return r
}

const animal = `{"type":"object","properties":{"animal":{"enum":["dog","fox","cat"]}},"required":["animal"]}`

// TestFormat: answers keep to their schemas, several at a time and beside free
// ones, and one that cannot be kept to is refused.
func TestFormat(t *testing.T) {
	m, _ := load(t)
	p := newPool(t, pool.Config{Model: m})
	years := `{"type":"object","properties":{"age":{"type":"integer","minimum":1,"maximum":150}},"required":["age"]}`
	requests := []openai.Request{inFormat(document(30), fox, animal), ask(document(30), fox), inFormat(document(40), fox, animal), inFormat(document(30), age, years)}
	var got [4]string
	var all sync.WaitGroup
	for i, r := range requests {
		all.Go(func() {
			text, res := said(t, p, r)
			if got[i] = text; res.FinishReason != openai.FinishStop {
				t.Errorf("%q: %+v", text, res)
			}
		})
	}
	all.Wait()
	for i, want := range []string{"fox", "", "fox", ""} {
		var o struct {
			Animal string
			Age    int
		}
		if err := json.Unmarshal([]byte(got[i]), &o); i != 1 && (err != nil || o.Animal != want || i == 3 && o.Age != 64) {
			t.Errorf("%q, %v", got[i], err)
		}
	}
	if got[1] != "Ada Dixon keeps a fox." {
		t.Errorf("%q without a format", got[1])
	}

	r := inFormat(people, fox, `{"type":"object","properties":{"a":{"multipleOf":3}}}`)
	var e *openai.Error
	if _, err := p.Complete(t.Context(), r, nil); !errors.As(err, &e) || e.Status != 400 || e.Param != "response_format" || e.Code != "invalid_schema" || !strings.Contains(e.Message, "#/properties/a/multipleOf") {
		t.Errorf("%v", err)
	}

	// A stop string and the limit end such an answer too.
	r = inFormat(people, fox, animal)
	r.Stop = []string{"fox"}
	if text, res := said(t, p, r); !strings.HasSuffix(text, `"`) || res.FinishReason != openai.FinishStop {
		t.Errorf("%q, %+v", text, res)
	}
	r.Stop, r.MaxTokens = nil, 2
	if text, res := said(t, p, r); json.Valid([]byte(text)) || res.FinishReason != openai.FinishLength {
		t.Errorf("%q, %+v", text, res)
	}
}
