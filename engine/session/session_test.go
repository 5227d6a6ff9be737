package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/sample"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

func load(t *testing.T) (*session.Model, *cpudev.Device) {
	t.Helper()
	dev := cpudev.New(cpudev.Options{})
	return loadOn(t, dev), dev
}

// loadOn is the default model on a device, which is closed with it when the test ends.
func loadOn(t *testing.T, dev gpu.Device) *session.Model {
	t.Helper()
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
	return m
}

func options() session.Options {
	return session.Options{Selection: selection.Default(2048), MaxTokens: 32}
}

const people = "Felix Ellis is 64 years old. Ada Dixon keeps a fox at home. Peter Webb works as a pilot."

// TestTurns: a second question costs its own tokens only, and what was cancelled
// while it was read leaves no trace.
func TestTurns(t *testing.T) {
	m, dev := load(t)
	held := dev.Buffers()
	c, err := m.NewConversation(strings.Repeat("It was a plain day. ", 300)+people, options())
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	first, err := c.Ask(ctx, "How old is Felix Ellis?", nil)
	if err != nil || !strings.Contains(first.Text, "64") {
		t.Fatalf("%q, %v", first.Text, err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	before := c.Len()
	if _, err := c.Ask(cancelled, "What is the job of Peter Webb?", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled question: %v", err)
	}
	if c.Len() != before {
		t.Errorf("a cancelled question left %d tokens", c.Len()-before)
	}
	second, err := c.Ask(ctx, "Which animal does Ada Dixon keep?", nil)
	if err != nil || second.Text != "Ada Dixon keeps a fox." {
		t.Errorf("%q, %v", second.Text, err)
	}
	if second.PromptTokens > 40 || first.PromptTokens < 1000 {
		t.Errorf("prompts of %d and %d tokens, expected the document in the first only", first.PromptTokens, second.PromptTokens)
	}
	if second.Text != "" && len(second.IDs) == 0 || second.Reason != engine.Stopped {
		t.Errorf("ended by %s with %d tokens", second.Reason, len(second.IDs))
	}
	c.Close()
	if dev.Buffers() != held {
		t.Errorf("%d buffers left, %d before", dev.Buffers(), held)
	}
}

// TestStream: the pieces are the answer, and an error of their reader ends it.
func TestStream(t *testing.T) {
	m, _ := load(t)
	c, err := m.NewConversation(people, options())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var pieces []string
	ans, err := c.Ask(context.Background(), "What is the job of Peter Webb?", func(s string) error {
		pieces = append(pieces, s)
		return nil
	})
	if err != nil || strings.Join(pieces, "") != ans.Text || len(pieces) < 3 {
		t.Errorf("pieces %q of %q, %v", pieces, ans.Text, err)
	}
	full := errors.New("the reader is gone")
	if _, err := c.Ask(context.Background(), "How old is Felix Ellis?", func(string) error { return full }); !errors.Is(err, full) {
		t.Errorf("%v, expected the reader's error", err)
	}
	if _, err := c.Ask(context.Background(), "Which animal does Ada Dixon keep?", nil); err != nil {
		t.Errorf("after a reader's error: %v", err)
	}
}

// TestCancelAnswer stops an answer half-way; the conversation goes on.
func TestCancelAnswer(t *testing.T) {
	m, _ := load(t)
	o := options()
	o.MaxTokens = 200
	o.Raw = true
	c, err := m.NewConversation("It was a dark night, and", o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	said := 0
	ans, err := c.Ask(ctx, "", func(string) error {
		if said++; said == 5 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(ans.IDs) < 5 || len(ans.IDs) > 6 {
		t.Errorf("%v after %d tokens, expected to be cancelled after 5", err, len(ans.IDs))
	}
	if _, err := c.Ask(context.Background(), " and then", nil); err != nil {
		t.Errorf("after a cancelled answer: %v", err)
	}
}

// TestPolicies changes the policy between questions.
func TestPolicies(t *testing.T) {
	m, _ := load(t)
	hay := strings.Repeat("It was a plain day, and the gardener went home early. ", 150)
	o := options()
	c, err := m.NewConversation(hay+people+" "+hay, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct {
		policy selection.Policy
		finds  bool
	}{{selection.TokenSelect, true}, {selection.Window, false}, {selection.TokenSelect, true}} {
		o.Selection.Policy = step.policy
		if err := c.SetSelection(o.Selection); err != nil {
			t.Fatal(err)
		}
		ans, err := c.Ask(context.Background(), "What is the job of Peter Webb?", nil)
		if err != nil {
			t.Fatal(err)
		}
		if step.policy == selection.TokenSelect && !strings.Contains(ans.Text, "pilot") {
			t.Errorf("%s answers %q", step.policy, ans.Text)
		}
		if selects := ans.CacheHits+ans.CacheMisses > 0; selects != step.finds {
			t.Errorf("%s: %d hits and %d misses", step.policy, ans.CacheHits, ans.CacheMisses)
		}
	}
	o.Selection.K = -1
	if err := c.SetSelection(o.Selection); err == nil {
		t.Error("k of -1: no error")
	}
}

// TestSampling: a seed gives one answer, another seed another.
func TestSampling(t *testing.T) {
	m, _ := load(t)
	say := func(seed uint64) string {
		o := options()
		o.Raw, o.Sample = true, sample.Options{Temperature: 1, TopP: 0.95, Penalty: 1.1, Seed: seed}
		c, err := m.NewConversation("It was a dark night, and", o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ans, err := c.Ask(context.Background(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		return ans.Text
	}
	a, b, other := say(1), say(1), say(2)
	if a != b || a == other || a == "" {
		t.Errorf("seed 1 gave %q and %q, seed 2 %q", a, b, other)
	}
}

func TestErrors(t *testing.T) {
	m, _ := load(t)
	for name, change := range map[string]func(*session.Options){
		"no tokens":       func(o *session.Options) { o.MaxTokens = 0 },
		"context":         func(o *session.Options) { o.Context = -1 },
		"k":               func(o *session.Options) { o.Selection.K = 0 },
		"unknown policy":  func(o *session.Options) { o.Selection.Policy = "all" },
		"bad temperature": func(o *session.Options) { o.Sample.Temperature = -1 },
	} {
		o := options()
		change(&o)
		if _, err := m.NewConversation("", o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	o := options()
	o.Raw = true
	c, err := m.NewConversation("", o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ask(context.Background(), "", nil); err == nil {
		t.Error("nothing to read: no error")
	}
	o = options()
	o.Context = 30
	if c, err = m.NewConversation(people, o); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ask(context.Background(), "Who?", nil); err == nil || !strings.Contains(err.Error(), "the context is 30") {
		t.Errorf("a context of 30 tokens: %v", err)
	}
	// A context that fills up while the answer is written ends it.
	o.Context = m.Tokens(people) + 23
	if c, err = m.NewConversation(people, o); err != nil {
		t.Fatal(err)
	}
	ans, err := c.Ask(context.Background(), "Which animal does Ada Dixon keep?", nil)
	if err != nil || ans.Reason != engine.ContextFull || len(ans.IDs) == 0 {
		t.Errorf("%v, ended by %q", err, ans.Reason)
	}
}

func TestValidUTF8(t *testing.T) {
	for _, c := range []struct {
		in, want string
		replaced int
	}{{"", "", 0}, {"plain", "plain", 0}, {"é\ufffd", "é\ufffd", 0}, {"a\xffb", "a\ufffdb", 1}, {"\xe2\x82", "\ufffd\ufffd", 2}} {
		if got, n := session.ValidUTF8(c.in); got != c.want || n != c.replaced {
			t.Errorf("%q: %q with %d bytes replaced, expected %q with %d", c.in, got, n, c.want, c.replaced)
		}
	}
}
