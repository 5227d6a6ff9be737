package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
)

// reads counts how often something is read back from a device.
type reads struct {
	gpu.Device
	n int
}

func (r *reads) Read(ctx context.Context, b *gpu.Buffer, offset int, dst []byte) error {
	r.n++
	return r.Device.Read(ctx, b, offset, dst)
}

// TestAhead: steps that are computed ahead give the same tokens, wherever the
// generation ends, and leave the session as it would be without them.
func TestAhead(t *testing.T) {
	defer engine.SetBurst(1 << 40)()
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	dev := &reads{Device: cpu}
	e := onDevice(t, dev, "f32")
	cfg := selection.Config{Policy: selection.TokenSelect, NInit: 4, K: 16, NLocal: 16, Chunk: 32, Theta: 0.5}
	ids := prompts(t, 1)[0]
	ctx := context.Background()
	enough := errors.New("enough")

	type outcome struct {
		ids, after []int
		reason     engine.Reason
		err        error
		length     int
	}
	// play generates up to 40 tokens; it stops at the stop-th, and its listener
	// has enough with the emit-th, unless these are 0.
	play := func(context, most, stop, emit, ahead int) (got outcome, read int) {
		s, err := e.NewSession(engine.SessionOptions{Context: context, Selection: cfg})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Prefill(ctx, ids, nil); err != nil {
			t.Fatal(err)
		}
		before := dev.n
		o := engine.GenerateOptions{MaxTokens: most, Ahead: ahead, Stop: func(int) bool { return len(got.ids) == stop }}
		o.Emit = func(id int) error {
			got.ids = append(got.ids, id)
			if len(got.ids) == emit {
				return enough
			}
			return nil
		}
		res, err := s.Generate(ctx, o)
		read = dev.n - before
		got.reason, got.err, got.length = res.Reason, err, s.Len()
		if s.Len() < context-12 { // and on with a question
			if err := s.Prefill(ctx, ids[:10], nil); err != nil {
				t.Fatal(err)
			}
			more, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: 2})
			if err != nil {
				t.Fatal(err)
			}
			got.after = more.IDs
		}
		return got, read
	}
	for _, c := range []struct {
		name                      string
		context, most, stop, emit int
	}{
		{"to the last token", 512, 40, 0, 0},
		{"one token", 512, 1, 0, 0},
		{"a stop in a burst", 512, 40, 9, 0},
		{"a stop at its end", 512, 40, 11, 0},
		{"a stop after it", 512, 40, 12, 0},
		{"a listener that has enough", 512, 40, 0, 14},
		{"a full context", len(ids) + 21, 40, 0, 0},
	} {
		want, each := play(c.context, c.most, c.stop, c.emit, 0)
		got, few := play(c.context, c.most, c.stop, c.emit, 7)
		if !slices.Equal(got.ids, want.ids) || got.reason != want.reason || !errors.Is(got.err, want.err) || got.length != want.length || !slices.Equal(got.after, want.after) {
			t.Errorf("%s: %+v, expected %+v", c.name, got, want)
		}
		if len(want.ids) > 12 && few > each-8 {
			t.Errorf("%s: %d reads for %d tokens, %d without going ahead", c.name, few, len(got.ids), each)
		}
	}
}
