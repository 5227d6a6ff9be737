package session_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf16"

	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
)

// talk is a client in a test: it says commands and reads events.
type talk struct {
	t        *testing.T
	commands chan trace.Command
	events   chan trace.Event
	said     func(trace.Event) // is called with every event while it is being sent; may be nil
	end      func() error
	id       int
}

func serve(t *testing.T, h session.Host) *talk {
	t.Helper()
	w := &talk{t: t, commands: make(chan trace.Command), events: make(chan trace.Event, 10000)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- h.Serve(ctx, w.commands, func(e trace.Event) error {
			if w.said != nil {
				w.said(e)
			}
			w.events <- e
			return nil
		})
	}()
	w.end = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(time.Minute):
			t.Fatal("the host does not end")
			return nil
		}
	}
	t.Cleanup(func() { w.end() })
	return w
}

func (w *talk) say(c trace.Command) int {
	w.id++
	c.ID = w.id
	w.commands <- c
	return c.ID
}

func (w *talk) next() trace.Event {
	w.t.Helper()
	select {
	case e := <-w.events:
		return e
	case <-time.After(time.Minute):
		w.t.Fatal("no event came")
		return trace.Event{}
	}
}

// until reads events of a command up to one of the type, and returns all.
func (w *talk) until(id int, kind string) []trace.Event {
	w.t.Helper()
	var all []trace.Event
	for {
		e := w.next()
		if e.ID != id {
			w.t.Fatalf("an event of command %d while %d is answered: %s", e.ID, id, e.Bytes())
		}
		all = append(all, e)
		if e.Type == kind {
			return all
		}
		if e.Type == trace.Failed && kind != trace.Failed || e.Type == trace.Done {
			w.t.Fatalf("%s, expected %s", e.Bytes(), kind)
		}
	}
}

func host(t *testing.T) (session.Host, interface{ Buffers() int }) {
	m, dev := load(t)
	return session.Host{Where: "server", Load: func(context.Context, trace.Command, func(string, int64, int64)) (session.Loaded, error) {
		return session.Loaded{Model: m}, nil
	}}, dev
}

const plain = "It was a plain day. "

// TestHost: a whole visit. The steps that come with the tokens are what the
// engine chose, and the layout spells the document.
func TestHost(t *testing.T) {
	h, dev := host(t)
	held := dev.Buffers()
	w := serve(t, h)
	w.until(w.say(trace.Command{Type: trace.Hello, V: trace.Version}), trace.Hello)
	info := w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)[0].Info
	if info.Layers != 8 || info.Context != 2048 || info.Device != "cpu" || info.KV != "f32" || *info.Selection.K != 512 || len(info.Policies) != len(selection.Policies()) {
		t.Errorf("loaded: %+v", info)
	}
	document := strings.Repeat(plain, 250) + "Émile says 😀. " + people + " " + strings.Repeat(plain, 250)
	opened := w.until(w.say(trace.Command{Type: trace.Open, Document: document}), trace.Opened)[0]
	if opened.Tokens < 2500 || opened.Memory.Total <= opened.Memory.Weights {
		t.Errorf("opened: %s", opened.Bytes())
	}

	events := w.until(w.say(trace.Command{Type: trace.Ask, Question: "Which animal does Ada Dixon keep?", Trace: true}), trace.Done)
	var dec trace.Decoder
	var rows trace.Rows
	text, steps, prefilled := "", 0, int64(0)
	fox := len(strings.Split(document[:strings.Index(document, "fox")], "")) + 1 // 😀 is two units
	foxSeen := 0
	for _, e := range events {
		switch e.Type {
		case trace.Layout:
			rows = *e.Document
		case trace.Prefill:
			if e.Done <= prefilled {
				t.Errorf("prefill went from %d to %d", prefilled, e.Done)
			}
			prefilled = e.Done
		case trace.Token:
			text += e.Text
			steps++
			if len(e.Step.Layers) != 8 || e.Step.N != e.Len {
				t.Fatalf("step of %d layers and %d rows at length %d", len(e.Step.Layers), e.Step.N, e.Len)
			}
			for i, l := range e.Step.Layers {
				chosen, err := dec.Layer(i, l)
				if err != nil {
					t.Fatal(err)
				}
				if len(chosen) < 512 || !slices.IsSorted(chosen) || chosen[0] < 16 || chosen[len(chosen)-1] >= e.Len {
					t.Fatalf("layer %d chose %d rows: %v", i, len(chosen), chosen)
				}
				at := 0
				for j, n := range rows.Lens {
					if at += n; at > fox {
						if slices.Contains(chosen, rows.First+j) {
							foxSeen++
						}
						break
					}
				}
			}
		}
	}
	done := events[len(events)-1]
	if text != "Ada Dixon keeps a fox." || done.Text != text || done.Reason != "stop" || done.Stats.AnswerTokens != steps || done.Stats.PrefillTPS <= 0 {
		t.Errorf("%q in %d steps, %s", text, steps, done.Bytes())
	}
	if foxSeen == 0 {
		t.Error("no layer ever looked at the fox")
	}
	sum := 0
	for _, n := range rows.Lens {
		sum += n
	}
	if units := len(utf16.Encode([]rune(document))); sum != units {
		t.Errorf("the layout spells %d units, the document has %d", sum, units)
	}
	if rows.First < 2 || rows.First > 5 || prefilled != int64(done.Stats.PromptTokens) {
		t.Errorf("document from row %d; %d of %d tokens told", rows.First, prefilled, done.Stats.PromptTokens)
	}

	// The second question costs its own tokens; the policy may change between.
	k, neighbours, none := 128, 5, 0
	selected := w.until(w.say(trace.Command{Type: trace.Select, Selection: &trace.Selection{Pool: &neighbours}}), trace.Selected)[0]
	if *selected.Selection.Pool != 5 || *selected.Selection.K != 512 {
		t.Errorf("selected: %s", selected.Bytes())
	}
	selected = w.until(w.say(trace.Command{Type: trace.Select, Selection: &trace.Selection{K: &k, Pool: &none}}), trace.Selected)[0]
	if *selected.Selection.K != 128 || *selected.Selection.NInit != 16 || *selected.Selection.Pool != 0 {
		t.Errorf("selected: %s", selected.Bytes())
	}
	events = w.until(w.say(trace.Command{Type: trace.Ask, Question: "How old is Felix Ellis?"}), trace.Done)
	if done = events[len(events)-1]; done.Stats.PromptTokens > 40 || !strings.Contains(done.Text, "64") {
		t.Errorf("second question: %s", done.Bytes())
	}
	w.until(w.say(trace.Command{Type: trace.Unload}), trace.Unloaded)
	if dev.Buffers() != held {
		t.Errorf("%d buffers left, %d before", dev.Buffers(), held)
	}
}

// TestHostStop: a question can be stopped while its prompt is read and while its
// answer comes; what was read is not read again.
func TestHostStop(t *testing.T) {
	h, _ := host(t)
	w := serve(t, h)
	w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)
	w.until(w.say(trace.Command{Type: trace.Open, Document: strings.Repeat(plain, 800) + people}), trace.Opened)
	id := w.say(trace.Command{Type: trace.Ask, Question: "How old is Felix Ellis?"})
	w.until(id, trace.Prefill)
	w.commands <- trace.Command{Type: trace.Stop, ID: id}
	events := w.until(id, trace.Done)
	last, read := events[len(events)-1], int64(0)
	for _, e := range events {
		if e.Type == trace.Prefill {
			read = e.Done
		}
	}
	if last.Reason != session.Stopped || read >= int64(last.Stats.PromptTokens) {
		t.Fatalf("read %d: %s", read, last.Bytes())
	}
	id = w.say(trace.Command{Type: trace.Ask, Question: "Which animal does Ada Dixon keep?"})
	events = w.until(id, trace.Done)
	for _, e := range events {
		if e.Type == trace.Prefill {
			if e.Done <= 256 {
				t.Errorf("the document is read from the start again: %d", e.Done)
			}
			break
		}
	}
	if last = events[len(events)-1]; last.Text != "Ada Dixon keeps a fox." {
		t.Errorf("after a stop: %s", last.Bytes())
	}
	id = w.say(trace.Command{Type: trace.Ask, Question: "How old is Felix Ellis?"})
	w.until(id, trace.Token)
	w.commands <- trace.Command{Type: trace.Stop, ID: id}
	events = w.until(id, trace.Done)
	if last = events[len(events)-1]; last.Reason != session.Stopped && last.Reason != "stop" {
		t.Errorf("stopped in decode: %s", last.Bytes())
	}
}

// TestHostIgnoresEnd: an answer that may not end has as many tokens as are asked
// for, and the next one ends again.
func TestHostIgnoresEnd(t *testing.T) {
	h, _ := host(t)
	w := serve(t, h)
	w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)
	w.until(w.say(trace.Command{Type: trace.Open, Document: people}), trace.Opened)
	ask := func(endless bool) trace.Event {
		events := w.until(w.say(trace.Command{Type: trace.Ask, Question: "Which animal does Ada Dixon keep?", MaxTokens: 20, IgnoreEnd: endless}), trace.Done)
		return events[len(events)-1]
	}
	if e := ask(true); e.Reason != "length" || e.Stats.AnswerTokens != 20 || !strings.HasPrefix(e.Text, "Ada Dixon keeps a fox.") {
		t.Errorf("past the end: %s", e.Bytes())
	}
	if e := ask(false); e.Reason != "stop" || e.Stats.AnswerTokens >= 20 {
		t.Errorf("to the end: %s", e.Bytes())
	}
}

// TestHostRefuses: each mistake is told with its code and ends nothing.
func TestHostRefuses(t *testing.T) {
	h, _ := host(t)
	boom := errors.New("boom")
	var fail atomic.Bool
	inner := h.Load
	h.Load = func(ctx context.Context, c trace.Command, p func(string, int64, int64)) (session.Loaded, error) {
		if fail.Load() {
			return session.Loaded{}, errors.Join(boom, gpu.ErrDeviceLost)
		}
		return inner(ctx, c, p)
	}
	w := serve(t, h)
	zero, even := 0, 4
	for _, c := range []struct {
		say  trace.Command
		code string
	}{
		{trace.Command{Type: trace.Open}, trace.BadCommand},
		{trace.Command{Type: trace.Ask, Question: "?"}, trace.BadCommand},
		{trace.Command{Type: trace.Select}, trace.BadCommand},
	} {
		events := w.until(w.say(c.say), trace.Failed)
		if e := events[0].Error; e.Code != c.code || e.Message == "" {
			t.Errorf("%s before a load: %+v", c.say.Type, e)
		}
	}
	fail.Store(true)
	if e := w.until(w.say(trace.Command{Type: trace.Load}), trace.Failed)[0].Error; e.Code != trace.DeviceLost || e.Hint == "" {
		t.Errorf("a device that is lost: %+v", e)
	}
	fail.Store(false)
	w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)
	for _, c := range []struct {
		say  trace.Command
		want string
	}{
		{trace.Command{Type: trace.Open, Document: people, Selection: &trace.Selection{Policy: "best"}}, `policy "best"`},
		{trace.Command{Type: trace.Open, Document: people, Context: 5}, "the context that was asked for 5"},
		{trace.Command{Type: trace.Open, Document: people, Selection: &trace.Selection{Chunk: &zero}}, "chunk is 0"},
		{trace.Command{Type: trace.Open, Document: people, Selection: &trace.Selection{Pool: &even}}, "pool is 4"},
	} {
		if e := w.until(w.say(c.say), trace.Failed)[0].Error; !strings.Contains(e.Message, c.want) {
			t.Errorf("%s: %+v, expected %q in it", c.say.Bytes(), e, c.want)
		}
	}
	w.until(w.say(trace.Command{Type: trace.Open, Document: people}), trace.Opened)
	for _, c := range []trace.Command{
		{Type: trace.Ask},
		{Type: trace.Ask, Question: "?", Sample: &trace.Sample{Temperature: -1}},
		{Type: trace.Ask, Question: "?", Selection: &trace.Selection{K: &zero}},
	} {
		if e := w.until(w.say(c), trace.Failed)[0].Error; e.Code != trace.BadCommand {
			t.Errorf("%s: %+v", c.Bytes(), e)
		}
	}
	id := w.say(trace.Command{Type: trace.Ask, Question: "Which animal does Ada Dixon keep?"})
	if events := w.until(id, trace.Done); !strings.Contains(events[len(events)-1].Text, "fox") {
		t.Errorf("after many mistakes: %s", events[len(events)-1].Bytes())
	}
}

// TestHostTurns: questions wait for their turn and say so; a client whose memory
// was given away reads its document again.
func TestHostTurns(t *testing.T) {
	h, dev := host(t)
	free := make(chan struct{}, 1)
	var turns atomic.Int32
	h.Turn = func(ctx context.Context, position func(int)) (func(), error) {
		position(1)
		select {
		case <-free:
			turns.Add(1)
			return func() { turns.Add(-1) }, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var evict func() bool
	released := 0
	h.Reserve = func(_ context.Context, bytes int64, e func() bool) (func(), error) {
		if bytes < 1<<20 {
			t.Errorf("%d bytes reserved", bytes)
		}
		evict = e
		return func() { released++ }, nil
	}
	w := serve(t, h)
	// Whoever is told of the end of an answer may ask, or let another ask, at once.
	w.said = func(e trace.Event) {
		if e.Type == trace.Done && e.Reason != session.Stopped && (turns.Load() != 0 || !evict()) {
			t.Errorf("%s while its turn (%d) or its memory are not free", e.Bytes(), turns.Load())
		}
	}
	w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)
	w.until(w.say(trace.Command{Type: trace.Open, Document: people}), trace.Opened)
	held := dev.Buffers()
	id := w.say(trace.Command{Type: trace.Ask, Question: "Which animal does Ada Dixon keep?"})
	if e := w.until(id, trace.Queued)[0]; e.Position != 1 {
		t.Errorf("queued: %s", e.Bytes())
	}
	if e := w.until(w.say(trace.Command{Type: trace.Open, Document: "x"}), trace.Failed)[0]; e.Error.Code != trace.Busy {
		t.Errorf("a command while another is answered: %s", e.Bytes())
	}
	w.commands <- trace.Command{Type: trace.Stop, ID: id}
	if e := w.until(id, trace.Done)[0]; e.Reason != session.Stopped {
		t.Errorf("stopped while it waited: %s", e.Bytes())
	}
	for round := range 2 {
		free <- struct{}{}
		id = w.say(trace.Command{Type: trace.Ask, Question: "Which animal does Ada Dixon keep?"})
		events := w.until(id, trace.Done)
		if last := events[len(events)-1]; !strings.Contains(last.Text, "fox") || round == 1 && last.Stats.PromptTokens < 30 {
			t.Errorf("round %d: %s", round, last.Bytes())
		}
		warned := slices.ContainsFunc(events, func(e trace.Event) bool { return e.Warning != "" })
		if warned != (round == 1) {
			t.Errorf("round %d: warned %v", round, warned)
		}
		if dev.Buffers() != held {
			t.Errorf("round %d: %d buffers after the eviction, %d before the question", round, dev.Buffers(), held)
		}
	}
	if evict() {
		t.Error("what was evicted can be evicted again")
	}
	if released != 0 {
		t.Errorf("%d releases of what was evicted", released)
	}
}

// TestHostSystem: a host's own words come before every document.
func TestHostSystem(t *testing.T) {
	h, _ := host(t)
	loaded, err := h.Load(context.Background(), trace.Command{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tokens := func(system string) int {
		h.System = system
		w := serve(t, h)
		w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)
		w.until(w.say(trace.Command{Type: trace.Open, Document: people}), trace.Opened)
		events := w.until(w.say(trace.Command{Type: trace.Ask, Question: "How old is Felix Ellis?", MaxTokens: 1}), trace.Done)
		return events[len(events)-1].Stats.PromptTokens
	}
	told := len(loaded.Model.Tokenizer.Encode("<|im_start|>system\nBe brief.<|im_end|>\n", true))
	if with, without := tokens("Be brief."), tokens(""); with != without+told {
		t.Errorf("prompts of %d tokens with a system message and %d without, expected %d more", with, without, told)
	}
}
