//go:build js

package main

import (
	"fmt"
	"syscall/js"

	"tokenselect/engine/trace"
)

// fields are the members of a JavaScript object, which are taken one by one:
// what is left at the end is not known. The first mistake is kept.
type fields struct {
	of   string
	v    js.Value
	left map[string]bool
	err  error
}

func members(of string, v js.Value) *fields {
	f := &fields{of: of, v: v, left: map[string]bool{}}
	if v.Type() != js.TypeObject {
		f.err = fmt.Errorf("trace: %s: %s, expected an object", of, v.Type())
		return f
	}
	keys := js.Global().Get("Object").Call("keys", v)
	for i := range keys.Length() {
		f.left[keys.Index(i).String()] = true
	}
	return f
}

// member is the member called name, if it is there and of the type.
func (f *fields) member(name string, kind js.Type) (js.Value, bool) {
	if !f.left[name] {
		return js.Value{}, false
	}
	delete(f.left, name)
	v := f.v.Get(name)
	if v.Type() != kind && f.err == nil {
		f.err = fmt.Errorf("trace: %s: %s is a %s, expected a %s", f.of, name, v.Type(), kind)
	}
	return v, f.err == nil
}

func (f *fields) text(name string, to *string) {
	if v, ok := f.member(name, js.TypeString); ok {
		*to = v.String()
	}
}

func (f *fields) yes(name string, to *bool) {
	if v, ok := f.member(name, js.TypeBoolean); ok {
		*to = v.Bool()
	}
}

func (f *fields) float(name string, to *float64) bool {
	v, ok := f.member(name, js.TypeNumber)
	if ok {
		*to = v.Float()
	}
	return ok
}

func (f *fields) integer(name string, to *int) bool {
	var v float64
	if !f.float(name, &v) {
		return false
	}
	if *to = int(v); float64(*to) != v && f.err == nil {
		f.err = fmt.Errorf("trace: %s: %s is %v, expected a whole number", f.of, name, v)
	}
	return f.err == nil
}

func (f *fields) optionalInt(name string, to **int) {
	var v int
	if f.integer(name, &v) {
		*to = &v
	}
}

func (f *fields) optionalFloat(name string, to **float64) {
	var v float64
	if f.float(name, &v) {
		*to = &v
	}
}

// end is the first mistake, or what was said that nobody knows.
func (f *fields) end() error {
	if f.err == nil {
		for name := range f.left {
			return fmt.Errorf("trace: %s: unknown field %q", f.of, name)
		}
	}
	return f.err
}

// readCommand is trace.ParseCommand for an object.
func readCommand(v js.Value) (trace.Command, error) {
	var c trace.Command
	f := members("command", v)
	f.text("type", &c.Type)
	f.integer("id", &c.ID)
	f.integer("v", &c.V)
	f.text("session", &c.Session)
	f.integer("seq", &c.Seq)
	f.text("model", &c.Model)
	f.text("device", &c.Device)
	f.text("kv", &c.KV)
	f.text("document", &c.Document)
	f.integer("context", &c.Context)
	f.text("question", &c.Question)
	f.integer("max_tokens", &c.MaxTokens)
	f.yes("again", &c.Again)
	f.yes("ignore_end", &c.IgnoreEnd)
	f.yes("trace", &c.Trace)
	if o, ok := f.member("sample", js.TypeObject); ok {
		c.Sample, f.err = readSample(o)
	}
	if o, ok := f.member("selection", js.TypeObject); ok {
		c.Selection, f.err = readSelection(o)
	}
	if o, ok := f.member("record", js.TypeObject); ok {
		c.Record, f.err = readRecord(o)
	}
	if err := f.end(); err != nil {
		return c, err
	}
	return c, c.Check()
}

func readSample(v js.Value) (*trace.Sample, error) {
	var s trace.Sample
	f := members("sample", v)
	f.float("temperature", &s.Temperature)
	f.integer("top_k", &s.TopK)
	f.float("top_p", &s.TopP)
	f.float("repetition_penalty", &s.RepetitionPenalty)
	var seed float64
	f.float("seed", &seed)
	s.Seed = uint64(seed)
	return &s, f.end()
}

func readRecord(v js.Value) (*trace.Record, error) {
	var r trace.Record
	f := members("record", v)
	f.yes("votes", &r.Votes)
	f.yes("mass", &r.Mass)
	f.integer("heads", &r.Heads)
	f.yes("timings", &r.Timings)
	if list, ok := f.member("scores", js.TypeObject); ok {
		// One more than is allowed is enough to be told of.
		for i := 0; i < min(list.Length(), trace.MaxRecordScores+1) && f.err == nil; i++ {
			var h trace.Head
			g := members("scores", list.Index(i))
			g.integer("layer", &h.Layer)
			g.integer("head", &h.Head)
			r.Scores, f.err = append(r.Scores, h), g.end()
		}
	}
	return &r, f.end()
}

func readSelection(v js.Value) (*trace.Selection, error) {
	var s trace.Selection
	f := members("selection", v)
	f.text("policy", &s.Policy)
	f.optionalInt("n_init", &s.NInit)
	f.optionalInt("n_local", &s.NLocal)
	f.optionalInt("k", &s.K)
	f.optionalInt("chunk", &s.Chunk)
	f.optionalInt("tail", &s.Tail)
	f.optionalFloat("theta", &s.Theta)
	f.optionalInt("pool", &s.Pool)
	f.text("index", &s.Index)
	return &s, f.end()
}
