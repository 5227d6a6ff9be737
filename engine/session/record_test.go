package session_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
	"tokenselect/engine/trace/recording"
)

// TestRecord: an answer that is recorded is the one that is not, its events make a
// recording whose reader finds nothing wrong, and what they say of a step goes
// together. The layout gives every row its text, of a second question too.
func TestRecord(t *testing.T) {
	h, dev := host(t)
	held := dev.Buffers()
	w := serve(t, h)
	info := w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)[0].Info
	if info.HeadDim != 64 {
		t.Errorf("heads of %d values, expected 64", info.HeadDim)
	}
	document := strings.Repeat(plain, 40) + people + " " + strings.Repeat(plain, 40)
	k, local, chunk := 64, 64, 128
	budgets := trace.Selection{K: &k, NLocal: &local, Chunk: &chunk}
	w.until(w.say(trace.Command{Type: trace.Open, Document: document, Selection: &budgets}), trace.Opened)
	const question = "Which animal does Ada Dixon keep?"
	record := &trace.Record{Votes: true, Mass: true, Heads: 4, Scores: []trace.Head{{Layer: 3, Head: 1}}, Timings: true}

	for _, bad := range []trace.Head{{Layer: 8}, {Head: 8}} {
		e := w.until(w.say(trace.Command{Type: trace.Ask, Question: question, Record: &trace.Record{Scores: []trace.Head{bad}}}), trace.Failed)[0]
		if e.Error.Code != trace.BadCommand || !strings.Contains(e.Error.Message, "expected layers 0 to 7 and heads 0 to 7") {
			t.Errorf("scores of %+v: %s", bad, e.Bytes())
		}
	}
	events := w.until(w.say(trace.Command{Type: trace.Ask, Question: question, Record: record}), trace.Done)
	recorded := dev.Buffers()
	var file bytes.Buffer
	out, err := recording.NewWriter(&file, recording.Header{Model: *info, Document: recording.Document{Text: document}, Question: question, Record: record})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := out.Event(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := recording.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	steps, fed := 0, ""
	var first int
	for {
		e, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case trace.Layout:
			first = e.Document.First
			fed = spelled(e, document)
		case trace.Token:
			steps++
			if len(e.Top) != 5 || e.Top[0].Token != e.Token || e.P != e.Top[0].P || !(e.P > e.Top[4].P) {
				t.Errorf("token %d has the probability %g of %+v", e.Token, e.P, e.Top)
			}
			if kinds := len(e.Step.Kernels); kinds < 5 {
				t.Errorf("timings of %d kinds of kernel", kinds)
			}
			for i, l := range e.Step.Layers {
				if len(l.Votes) != k || l.Cut[0] < l.Cut[1]*(1-1e-4) || len(l.HeadVotes) != k || len(l.Mass) != 8 || len(l.Top) != 8 || len(l.Top[0]) != 4 || (len(l.Scores) == 1) != (i == 3) {
					t.Fatalf("layer %d: %d votes, cut %v, mass %v, rows %v, %d heads' scores", i, len(l.Votes), l.Cut, l.Mass, l.Top, len(l.Scores))
				}
				for _, s := range l.Scores {
					if len(s.Query) != 64 || len(s.Keys) != 5 || s.Keys[0].Row < e.Step.NInit {
						t.Fatalf("a query of %d values and %d keys", len(s.Query), len(s.Keys))
					}
					for _, key := range s.Keys {
						dot := 0.0
						for i, q := range s.Query {
							dot += float64(q) * float64(key.Values[i])
						}
						said := s.Lo + (s.Hi-s.Lo)*float64(s.Values[key.Row])/255
						if dot /= 8; math.Abs(dot-said) > (s.Hi-s.Lo)/255+0.01 {
							t.Errorf("row %d: q·k/√d is %g, its score %g", key.Row, dot, said)
						}
					}
				}
				sum := 0.0
				for _, v := range l.Votes {
					sum += trace.FromLog8(v)
				}
				// Pooled, so that a vote counts for its neighbours too: at most as often as there are.
				if sum > 5*8*1.05 || (steps > 1) != (l.Turn != 0) || math.Abs(float64(l.Turn)) > 1 {
					t.Errorf("layer %d: votes come to %g of 8 heads, cosine with the step before %g", i, sum, l.Turn)
				}
			}
		}
	}
	done := events[len(events)-1]
	if done.Text != "Ada Dixon keeps a fox." || steps != done.Stats.AnswerTokens || first == 0 || !strings.Contains(fed, document+"\n\n"+question) {
		t.Errorf("%q in %d steps; the rows say\n%s", done.Text, steps, fed)
	}

	// The next one says again where the document is, and what was said since.
	events = w.until(w.say(trace.Command{Type: trace.Ask, Question: "How old is Felix Ellis?", Record: &trace.Record{}}), trace.Done)
	if events[0].Type != trace.Layout {
		t.Fatalf("%s, expected a layout", events[0].Bytes())
	}
	if again := spelled(events[0], document); !strings.HasPrefix(again, fed+done.Text) || !strings.Contains(again, "How old is Felix Ellis?") {
		t.Errorf("after\n%s\nthe rows say\n%s", fed, again)
	}
	// And without a record there is none.
	events = w.until(w.say(trace.Command{Type: trace.Ask, Question: question, Trace: true}), trace.Done)
	for _, e := range events {
		if e.Type == trace.Layout || e.P != 0 || e.Top != nil || e.Step != nil && (e.Step.Kernels != nil || e.Step.Layers[0].Votes != nil || e.Step.Layers[0].Mass != nil) {
			t.Fatalf("%s without being asked", e.Bytes())
		}
	}
	if n := dev.Buffers(); n != recorded {
		t.Errorf("%d buffers after an answer, %d after one that was recorded", n, recorded)
	}
	w.until(w.say(trace.Command{Type: trace.Unload}), trace.Unloaded)
	if n := dev.Buffers(); n > held {
		t.Errorf("%d buffers are left, %d before", n, held)
	}
}

// spelled is the text of all rows: those of the layout, with the document's between.
func spelled(e trace.Event, document string) string {
	text, put := "", false
	for _, r := range e.Rows {
		if !put && r.Row > e.Document.First {
			text, put = text+document, true
		}
		text += r.Text
	}
	return text
}

// TestRecordingMemory: what a recording takes of the device is reserved while it lasts,
// told to the client, and no more than was said.
func TestRecordingMemory(t *testing.T) {
	dev := &weighing{Device: cpudev.New(cpudev.Options{})}
	m := loadOn(t, dev)
	h := session.Host{Load: func(context.Context, trace.Command, func(string, int64, int64)) (session.Loaded, error) {
		return session.Loaded{Model: m}, nil
	}}
	reserved, most, limit := int64(0), int64(0), int64(math.MaxInt64)
	h.Reserve = func(_ context.Context, bytes int64, _ func() bool) (func(), error) {
		if reserved+bytes > limit {
			return nil, errors.New("no more is there")
		}
		reserved += bytes
		most = max(most, reserved)
		return func() { reserved -= bytes }, nil
	}
	w := serve(t, h)
	w.until(w.say(trace.Command{Type: trace.Load}), trace.Loaded)
	k, local, chunk := 64, 64, 128
	w.until(w.say(trace.Command{Type: trace.Open, Document: strings.Repeat(plain, 100), Context: 1024, Selection: &trace.Selection{K: &k, NLocal: &local, Chunk: &chunk}}), trace.Opened)
	ask := func(r *trace.Record) (told *trace.Memory) {
		t.Helper()
		before := dev.bytes.Load()
		dev.most.Store(before)
		most = 0
		for _, e := range w.until(w.say(trace.Command{Type: trace.Ask, Question: "What day was it?", MaxTokens: 4, Again: true, Record: r}), trace.Done) {
			if e.Memory != nil {
				told = e.Memory
			}
		}
		return told
	}
	if told := ask(nil); told != nil {
		t.Errorf("%+v is told of an answer that is not recorded", told)
	}
	plainly := reserved
	queries, scores := int64(4*8*8*64), int64(4*8*8*1024) // of 8 layers of 8 heads of 64 values, over 1024 rows
	for _, c := range []struct {
		record trace.Record
		want   int64
	}{{trace.Record{}, queries}, {trace.Record{Votes: true}, queries + scores}} {
		before := dev.bytes.Load()
		told := ask(&c.record)
		if told == nil || told.Recording != c.want || most != plainly+c.want || told.Total != told.Weights+most {
			t.Errorf("%+v: %+v is told and %d reserved beside %d, expected %d more", c.record, told, most, plainly, c.want)
		}
		// Some room is left for the copy that selections are read through.
		if took := dev.most.Load() - before; took > c.want+1<<16 || c.record.Votes && took < scores*9/10 {
			t.Errorf("%+v took %d bytes, said were %d", c.record, took, c.want)
		}
		if reserved != plainly {
			t.Errorf("%+v: %d bytes are reserved after the answer, %d before", c.record, reserved, plainly)
		}
	}
	// Where there is no room for it beside the conversation, that is given back before
	// both are asked for together: others may be waiting for it.
	limit = plainly + queries
	e := w.until(w.say(trace.Command{Type: trace.Ask, Question: "What day was it?", Record: &trace.Record{Votes: true}}), trace.Failed)[0]
	if e.Error.Code != trace.OutOfMemory {
		t.Errorf("a recording without memory for it: %s", e.Bytes())
	}
	if reserved != 0 {
		t.Errorf("%d bytes are held by who was refused more", reserved)
	}
	if w.until(w.say(trace.Command{Type: trace.Ask, Question: "What day was it?", MaxTokens: 1}), trace.Done); reserved != plainly {
		t.Errorf("%d bytes are reserved in the end, expected %d", reserved, plainly)
	}
}

// weighing keeps count of the bytes of buffers.
type weighing struct {
	gpu.Device
	bytes, most atomic.Int64
}

func (d *weighing) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	b, err := d.Device.NewBuffer(label, size)
	if now := d.bytes.Add(int64(size)); now > d.most.Load() {
		d.most.Store(now)
	}
	return b, err
}

func (d *weighing) Free(b *gpu.Buffer) {
	d.bytes.Add(-int64(b.Size))
	d.Device.Free(b)
}
