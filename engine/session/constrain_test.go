package session_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tokenselect/engine"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/grammar"
	"tokenselect/engine/session"
)

// constrain begins constraints to a schema.
func constrain(t *testing.T, m *session.Model, schema string) func() engine.Constraint {
	t.Helper()
	g, err := grammar.NewVocabulary(m.Tokenizer).Schema([]byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	return func() engine.Constraint { return g.Start() }
}

// valid is why a text does not satisfy a schema.
func valid(t *testing.T, schema, text string) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return c.MustCompile("schema.json").Validate(v)
}

// TestConstrained: the model's answers satisfy the schemas that they are asked
// for, whatever it would rather say; several questions of a conversation too.
func TestConstrained(t *testing.T) {
	m, _ := load(t)
	for _, c := range []struct{ schema, question, want string }{
		{`{"type":"object","properties":{"animal":{"enum":["dog","fox","cat"]}},"required":["animal"]}`, "Which animal does Ada Dixon keep?", `"fox"`},
		{`{"type":"object","properties":{"age":{"type":"integer","minimum":10,"maximum":99}},"required":["age"],"additionalProperties":false}`, "How old is Felix Ellis?", ""},
		{`{"type":"array","items":{"type":"string","maxLength":12,"pattern":"^[A-Z][a-z]{1,10}$"},"minItems":1,"maxItems":2}`, "Which animal does Ada Dixon keep?", ""},
		{`{"type":"string","format":"date"}`, "How old is Felix Ellis?", ""},
		{`{"type":"object","properties":{"s":{"type":"string","maxLength":20},"n":{"type":["number","null"]},"b":{"type":"boolean"}},"required":["s","n","b"]}`, "What is the job of Peter Webb?", ""},
	} {
		for _, temperature := range []float64{0, 1.5} {
			opt := options()
			opt.MaxTokens, opt.Constrain = 80, constrain(t, m, c.schema)
			opt.Sample.Temperature, opt.Sample.Seed = temperature, 5
			var texts []string
			for range 1 + min(1, int(temperature)) { // conversations of two questions
				conversation, err := m.NewConversation(people, opt)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					said := ""
					ans, err := conversation.Ask(context.Background(), c.question, func(piece string) error { said += piece; return nil })
					if err != nil || said != ans.Text || ans.Reason != engine.Stopped || !m.Tokenizer.IsEnd(ans.IDs[len(ans.IDs)-1]) {
						t.Errorf("%s, temperature %g: %q, said %q, %s, %v", c.schema, temperature, ans.Text, said, ans.Reason, err)
					} else if err := valid(t, c.schema, ans.Text); err != nil {
						t.Errorf("%s, temperature %g: %q: %v", c.schema, temperature, ans.Text, err)
					}
					if temperature == 0 && !strings.Contains(ans.Text, c.want) {
						t.Errorf("%s: %q, expected %s in it", c.schema, ans.Text, c.want)
					}
					texts = append(texts, ans.Text)
				}
				conversation.Close()
			}
			if len(texts) == 4 && !slices.Equal(texts[:2], texts[2:]) {
				t.Errorf("%s, temperature %g: one seed gave %q", c.schema, temperature, texts)
			}
		}
	}
}

// TestConstrainedCut: an answer that is cut says so.
func TestConstrainedCut(t *testing.T) {
	m, _ := load(t)
	opt := options()
	opt.MaxTokens, opt.Constrain = 5, constrain(t, m, `{"type":"string","minLength":100}`)
	c, err := m.NewConversation(people, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if ans, err := c.Ask(context.Background(), "How old is Felix Ellis?", nil); err != nil || ans.Reason != engine.MaxTokens || ans.Text[0] != '"' {
		t.Errorf("%q, %s, %v", ans.Text, ans.Reason, err)
	}
}

// TestConstrainedMove: an answer that goes on on another device keeps to what it
// was begun by.
func TestConstrainedMove(t *testing.T) {
	const schema = `{"type":"object","properties":{"s":{"type":"string","minLength":20,"maxLength":20},"n":{"enum":["one","two"]}},"required":["s","n"]}`
	calm := &gputest.Failing{}
	m, _, _ := failing(t, calm)
	loaded := calm.Calls(gputest.Submit)
	opt := options()
	opt.MaxTokens, opt.Constrain = 60, constrain(t, m, schema)
	want, _, _ := chat(t, m, opt, []string{"How old is Felix Ellis?"})
	half := loaded + (calm.Calls(gputest.Submit)-loaded)/2
	m, next, failures := failing(t, &gputest.Failing{Call: gputest.Submit, After: half, Err: errors.New("it is gone")})
	opt.Next = next
	got, said, _ := chat(t, m, opt, []string{"How old is Felix Ellis?"})
	if len(*failures) != 1 || got[0].Text != want[0].Text || said[0] != want[0].Text || valid(t, schema, got[0].Text) != nil {
		t.Errorf("%q, said %q, expected %q; failures %v", got[0].Text, said, want[0].Text, *failures)
	}
}
