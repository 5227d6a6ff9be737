package session_test

import (
	"strings"
	"testing"

	"tokenselect/engine/trace"
)

// TestHostAgain: a question asked again stands in place of the one before, with its
// own budgets, and reads no more than the chunk that the document ends in. What is
// asked after it comes behind the last.
func TestHostAgain(t *testing.T) {
	h, _ := host(t)
	document := strings.Repeat(plain, 100) + people + " " + strings.Repeat(plain, 100)
	k, few, local, chunk := 128, 16, 64, 128
	full := &trace.Selection{Policy: "tokenselect", K: &k, NLocal: &local, Chunk: &chunk}
	open := func() *talk {
		w := serve(t, h)
		w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)
		w.until(w.say(trace.Command{Type: trace.Open, Document: document, Selection: full}), trace.Opened)
		return w
	}
	const fox, lives = "Which animal does Ada Dixon keep?", "Where does Ada Dixon live?"
	ask := func(w *talk, c trace.Command) (trace.Event, []trace.Event) {
		c.Type, c.MaxTokens = trace.Ask, 12
		events := w.until(w.say(c), trace.Done)
		return events[len(events)-1], events
	}

	w := open()
	first, _ := ask(w, trace.Command{Question: fox, Again: true}) // nothing to take the place of
	if first.Stats.PromptTokens < 1000 {
		t.Fatalf("a document of %d tokens is too short for the test", first.Stats.PromptTokens)
	}
	for _, c := range []struct {
		question  string
		selection *trace.Selection
	}{{fox, nil}, {lives, nil}, {fox, &trace.Selection{Policy: "window"}}, {fox, &trace.Selection{Policy: "tokenselect", K: &few}}, {fox, full}} {
		got, events := ask(w, trace.Command{Question: c.question, Again: true, Selection: c.selection, Record: &trace.Record{}})
		if got.Stats.PromptTokens > chunk+64 || got.Stats.Context > first.Stats.Context+12 {
			t.Errorf("%q, %+v: %d tokens read, %d in all; the first question was %d in all", c.question, c.selection, got.Stats.PromptTokens, got.Stats.Context, first.Stats.Context)
		}
		for _, e := range events {
			if e.Type == trace.Layout && spelled(e, document) == "" {
				t.Errorf("%q: the layout has no text", c.question)
			}
		}
		if c.question == fox && (c.selection == nil || c.selection == full) && got.Text != first.Text {
			t.Errorf("asked again: %q, at first %q", got.Text, first.Text)
		}
	}

	// A second question's answer is that of a conversation in which it was asked once.
	again, _ := ask(w, trace.Command{Question: lives})
	fresh := open()
	ask(fresh, trace.Command{Question: fox})
	once, _ := ask(fresh, trace.Command{Question: lives})
	if again.Text != once.Text || again.Stats.Context != once.Stats.Context {
		t.Errorf("behind a question asked again: %q in %d tokens, expected %q in %d", again.Text, again.Stats.Context, once.Text, once.Stats.Context)
	}
	ask(w, trace.Command{Question: lives, Again: true})
	if thrice, _ := ask(w, trace.Command{Question: lives, Again: true}); thrice.Text != once.Text || thrice.Stats.Context != once.Stats.Context {
		t.Errorf("the second question again: %q in %d tokens, expected %q in %d", thrice.Text, thrice.Stats.Context, once.Text, once.Stats.Context)
	}
}
