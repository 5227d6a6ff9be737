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

// reads counts how often something is waited for and read back from a device, how many
// reads were under way at a time, and submits.
type reads struct {
	gpu.Device
	n, begun, most, submits int
}

func (r *reads) Submit(rec *gpu.Recording) error {
	r.submits++
	return r.Device.Submit(rec)
}

func (r *reads) Read(ctx context.Context, b *gpu.Buffer, offset int, dst []byte) error {
	r.n++
	return r.Device.Read(ctx, b, offset, dst)
}

func (r *reads) BeginRead(b *gpu.Buffer, offset, n int) (gpu.Pending, error) {
	pending, err := r.Device.BeginRead(b, offset, n)
	r.begun++
	r.most = max(r.most, r.begun)
	return func(ctx context.Context) ([]byte, error) {
		r.begun--
		if ctx.Err() == nil {
			r.n++
		}
		return pending(ctx)
	}, err
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
	play := func(context, most, stop, emit, ahead int) (got outcome, read, submits int) {
		s, err := e.NewSession(engine.SessionOptions{Context: context, Selection: cfg})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Prefill(ctx, ids, nil); err != nil {
			t.Fatal(err)
		}
		before, began := dev.n, dev.submits
		dev.most = 0
		o := engine.GenerateOptions{MaxTokens: most, Ahead: ahead, Stop: func(int) bool { return len(got.ids) == stop }}
		o.Emit = func(id int) error {
			got.ids = append(got.ids, id)
			if len(got.ids) == emit {
				return enough
			}
			return nil
		}
		res, err := s.Generate(ctx, o)
		read, submits = dev.n-before, dev.submits-began
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
		return got, read, submits
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
		want, each, single := play(c.context, c.most, c.stop, c.emit, 0)
		for _, ahead := range []int{2, 3, 7, 8} {
			got, few, submits := play(c.context, c.most, c.stop, c.emit, ahead)
			if !slices.Equal(got.ids, want.ids) || got.reason != want.reason || !errors.Is(got.err, want.err) || got.length != want.length || !slices.Equal(got.after, want.after) {
				t.Errorf("%s, %d ahead: %+v, expected %+v", c.name, ahead, got, want)
			}
			if len(want.ids) > 12 && ahead > 3 && few > each/2+2 {
				t.Errorf("%s, %d ahead: %d reads for %d tokens, %d without going ahead", c.name, ahead, few, len(got.ids), each)
			}
			if len(want.ids) > 12 && ahead > 3 && submits > single/2+2 {
				t.Errorf("%s, %d ahead: %d submits for %d tokens, %d without going ahead", c.name, ahead, submits, len(got.ids), single)
			}
			if len(want.ids) > 12 && dev.most < 2 {
				t.Errorf("%s, %d ahead: the device had nothing to do while tokens were read", c.name, ahead)
			}
			if dev.begun != 0 {
				t.Errorf("%s, %d ahead: %d reads were never ended", c.name, ahead, dev.begun)
			}
		}
	}
}

// glass is a device that passes for a GPU.
type glass struct{ *reads }

func (g glass) Info() gpu.Info {
	info := g.reads.Info()
	info.Kind = gpu.Discrete
	return info
}

// TestPrefillAhead: on a GPU a step is submitted before the one before it is waited
// for, tells its progress when it is done, and is not waited for when nobody wants
// it any more.
func TestPrefillAhead(t *testing.T) {
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	dev := &reads{Device: cpu}
	e := onDevice(t, glass{dev}, "f32")
	cfg := selection.Config{Policy: selection.TokenSelect, NInit: 4, K: 16, NLocal: 16, Chunk: 32, Tail: 8}
	one := prompts(t, 1)[0]
	ids := slices.Repeat(one, 150/len(one)+1)
	s, err := e.NewSession(engine.SessionOptions{Context: 512, Selection: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var done []int
	if err := s.Prefill(context.Background(), ids, func(n int) { done = append(done, n) }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(done, cfg.Steps(len(ids))) {
		t.Errorf("told of %v, expected %v", done, cfg.Steps(len(ids)))
	}
	if dev.most != 2 || dev.begun != 0 {
		t.Errorf("%d steps at a time and %d that were never ended, expected 2 and none", dev.most, dev.begun)
	}
	want, err := s.Generate(context.Background(), engine.GenerateOptions{MaxTokens: 5})
	if err != nil {
		t.Fatal(err)
	}

	if err := s.Truncate(0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = s.Prefill(ctx, ids, func(n int) {
		if n == 64 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || s.Len() != 96 || dev.begun != 0 {
		t.Fatalf("%v after %d tokens with %d steps not ended, expected to be cancelled after 96 with none", err, s.Len(), dev.begun)
	}
	if err := s.Prefill(context.Background(), ids[96:], nil); err != nil {
		t.Fatal(err)
	}
	got, err := s.Generate(context.Background(), engine.GenerateOptions{MaxTokens: 5})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.IDs, want.IDs) {
		t.Errorf("in two parts %v, in one %v", got.IDs, want.IDs)
	}
}
