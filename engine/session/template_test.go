//go:build !js

package session_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine"
	chats "tokenselect/engine/chat"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/session"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// loadWith is the built-in model with another chat template.
func loadWith(t *testing.T, template string) *session.Model {
	t.Helper()
	dev := cpudev.New(cpudev.Options{})
	t.Cleanup(dev.Close)
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	ckpt.Tokenizer.ChatTemplate = template
	m, err := session.Load(dev, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// The model's own template, and two that lay out older turns otherwise than they
// were read or said: the one leaves earlier answers out, as others do thoughts,
// the other has the system's words before the last question only.
const (
	keeps   = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
	forgets = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content if m.role == 'user' else '' }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
	moves   = "{% set told = '' %}{% if messages[0].role == 'system' %}{% set told = messages[0].content %}{% set messages = messages[1:] %}{% endif %}" +
		"{% for m in messages %}<|im_start|>{{ m.role }}\n{{ told + m.content if loop.last else m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
	trims    = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
	nobodys  = "{{ raise_exception('not with me') }}"
	ignorant = "{% for m in messages %}{% if m.role != 'system' %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}<|im_start|>assistant\n"
)

// TestHistory: with a template that writes older turns otherwise, a conversation
// goes on as one would that has been laid out anew, and what stays is not read
// again.
func TestHistory(t *testing.T) {
	questions := []string{"How old is Felix Ellis?", "Which animal does Ada Dixon keep?"}
	hay := strings.Repeat("It was a plain day. ", 12)
	for _, c := range []struct {
		name, template, system string
		most                   int // tokens that are read for the second question
	}{
		{"keeps, with a system message", keeps, "Answer from the text.", 24},
		{"trims", trims, "", 24},
		{"forgets", forgets, "", 30},
		{"moves", moves, "Answer from the text. ", 1 << 20},
	} {
		m := loadWith(t, c.template)
		o := options()
		o.System = c.system
		// A chunk's tokens are selected for together, and here all are attended to.
		o.Selection.Policy, o.Selection.Chunk = "dense", 32
		conv, err := m.NewConversation(hay+people, o)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var messages []chats.Message
		if c.system != "" {
			messages = append(messages, chats.Message{Role: "system", Content: c.system})
		}
		for i, q := range questions {
			asked := q
			if i == 0 {
				asked = hay + people + "\n\n" + q
			}
			messages = append(messages, chats.Message{Role: "user", Content: asked})
			ids, err := m.Prompt(messages)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			// A question that is given up while it is read changes nothing.
			cancelled, cancel := context.WithCancel(context.Background())
			cancel()
			if _, err := conv.Ask(cancelled, q, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: a cancelled question: %v", c.name, err)
			}
			got, err := conv.Ask(context.Background(), q, nil)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			want := answer(t, m, ids, o)
			if !slices.Equal(got.IDs, want) {
				t.Errorf("%s: question %d is answered %q, laid out anew %q", c.name, i, got.Text, m.Tokenizer.Decode(want))
			}
			if i > 0 && got.PromptTokens-got.Reused > c.most {
				t.Errorf("%s: question %d costs %d tokens, %d reused, expected at most %d", c.name, i, got.PromptTokens, got.Reused, c.most)
			}
			messages = append(messages, chats.Message{Role: "assistant", Content: got.Text})
		}
		conv.Close()
	}
}

// answer is what a model says after a prompt that is read at once.
func answer(t *testing.T, m *session.Model, ids []int, o session.Options) []int {
	t.Helper()
	s, err := m.Engine.NewSession(engine.SessionOptions{Context: len(ids) + o.MaxTokens, Selection: o.Selection})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Prefill(context.Background(), ids, nil); err != nil {
		t.Fatal(err)
	}
	res, err := s.Generate(context.Background(), engine.GenerateOptions{MaxTokens: o.MaxTokens, Stop: m.IsEnd})
	if err != nil {
		t.Fatal(err)
	}
	return res.IDs
}

// TestNoTemplate: what cannot be laid out is said, and can be continued raw.
func TestNoTemplate(t *testing.T) {
	for _, c := range []struct{ name, template, system, want string }{
		{"refuses", nobodys, "", "not with me"},
		{"no template", "{% for", "", "unclosed"},
		{"leaves out", ignorant, "Be brief.", "leaves out what the system says"},
	} {
		m := loadWith(t, c.template)
		o := options()
		o.System = c.system
		conv, err := m.NewConversation(people, o)
		if err == nil {
			_, err = conv.Ask(context.Background(), "How old is Felix Ellis?", nil)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, expected %q in it", c.name, err, c.want)
		}
		if unknown := c.system == ""; errors.Is(err, chats.ErrUnknown) != unknown {
			t.Errorf("%s: %v is ErrUnknown: %v, expected %v", c.name, err, !unknown, unknown)
		}
		o.Raw, o.System = true, ""
		if conv, err = m.NewConversation(people, o); err != nil {
			t.Errorf("%s, raw: %v", c.name, err)
			continue
		}
		if _, err := conv.Ask(context.Background(), "", nil); err != nil {
			t.Errorf("%s, raw: %v", c.name, err)
		}
	}
	o := options()
	o.Raw, o.System = true, "Be brief."
	if _, err := loadWith(t, "chatml").NewConversation(people, o); err == nil || !strings.Contains(err.Error(), "system message") {
		t.Errorf("raw with a system message: %v", err)
	}
}
