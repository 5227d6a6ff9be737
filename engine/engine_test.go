package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

func prompt(n int) []int {
	rng, ids := rand.New(rand.NewPCG(1, 2)), make([]int, n)
	for i := range ids {
		ids[i] = 3 + rng.IntN(8000)
	}
	return ids
}

func session(t *testing.T, e *engine.Engine, context int, cfg selection.Config) *engine.Session {
	t.Helper()
	s, err := e.NewSession(engine.SessionOptions{Context: context, Selection: cfg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func generate(t *testing.T, s *engine.Session, n int) []int {
	t.Helper()
	res, err := s.Generate(context.Background(), engine.GenerateOptions{MaxTokens: n})
	if err != nil {
		t.Fatal(err)
	}
	return res.IDs
}

func prefill(t *testing.T, s *engine.Session, ids []int) {
	t.Helper()
	if err := s.Prefill(context.Background(), ids, nil); err != nil {
		t.Fatal(err)
	}
}

// TestTruncate: what is generated after a cut does not depend on what was there.
func TestTruncate(t *testing.T) {
	e := builtin(t, cpu(t, cpudev.Options{}))
	ids := prompt(1500)
	cfg := selection.Config{Policy: selection.TokenSelect, NInit: 4, NLocal: 64, K: 128, Chunk: 100, Theta: 0.5}
	a, b := session(t, e, 2000, cfg), session(t, e, 2000, cfg)
	prefill(t, a, ids[:1000])
	want := generate(t, a, 20)
	prefill(t, b, ids[:1000])
	prefill(t, b, ids[1000:])
	generate(t, b, 7)
	if err := b.Truncate(900); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Logits(context.Background()); err == nil {
		t.Error("logits after a cut: no error")
	}
	if _, err := b.Generate(context.Background(), engine.GenerateOptions{MaxTokens: 1}); err == nil {
		t.Error("generating after a cut: no error")
	}
	prefill(t, b, ids[900:1000])
	if got := generate(t, b, 20); !slices.Equal(got, want) {
		t.Errorf("after a cut %v, without %v", got, want)
	}
	if err := b.Truncate(b.Len() + 1); err == nil {
		t.Error("truncating to more tokens than there are: no error")
	}
}

// TestCancelPrefill: the chunks done stay, and the rest can follow.
func TestCancelPrefill(t *testing.T) {
	e := builtin(t, cpu(t, cpudev.Options{}))
	cfg := selection.Default(2048)
	ids := prompt(1200)
	a, b := session(t, e, 2000, cfg), session(t, e, 2000, cfg)
	prefill(t, a, ids)
	want := generate(t, a, 10)
	ctx, cancel := context.WithCancel(context.Background())
	err := b.Prefill(ctx, ids, func(done int) {
		if done == 2*cfg.Chunk {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || b.Len() != 2*cfg.Chunk {
		t.Fatalf("%v after %d tokens, expected to be cancelled after %d", err, b.Len(), 2*cfg.Chunk)
	}
	prefill(t, b, ids[b.Len():])
	if got := generate(t, b, 10); !slices.Equal(got, want) {
		t.Errorf("in two parts %v, in one %v", got, want)
	}
}

// TestContextFull: a prompt beyond the context is refused with its rows intact,
// an answer that reaches it ends.
func TestContextFull(t *testing.T) {
	e := builtin(t, cpu(t, cpudev.Options{}))
	s := session(t, e, 300, selection.Default(2048))
	if err := s.Prefill(context.Background(), prompt(301), nil); !engine.IsFull(err) {
		t.Errorf("301 tokens into a context of 300: %v", err)
	}
	if err := s.Truncate(0); err != nil {
		t.Fatal(err)
	}
	prefill(t, s, prompt(295))
	res, err := s.Generate(context.Background(), engine.GenerateOptions{MaxTokens: 100})
	if err != nil || res.Reason != engine.ContextFull || len(res.IDs) != 6 || s.Len() != 300 {
		t.Errorf("%v, ended by %q after %d tokens with %d in the context; expected context, 6 and 300", err, res.Reason, len(res.IDs), s.Len())
	}
}

// TestPolicyEquivalence: while everything fits the budget, every policy is the
// dense one.
func TestPolicyEquivalence(t *testing.T) {
	e := builtin(t, cpu(t, cpudev.Options{}))
	ids := prompt(150)
	var want []int
	for _, p := range selection.Policies() {
		cfg := selection.Default(300)
		cfg.Policy = p
		s := session(t, e, 200, cfg)
		prefill(t, s, ids)
		got := generate(t, s, 10)
		if want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("%s: %v, others %v", p, got, want)
		}
		chosen, err := s.Chosen(context.Background())
		if err != nil || chosen[0].Attended != 160 || chosen[0].Rows != nil {
			t.Errorf("%s: %d rows attended, %v; expected all 160", p, chosen[0].Attended, err)
		}
	}
}

// TestChunkSize: with the dense policy the size of the chunks changes nothing
// but rounding; ids stay.
func TestChunkSize(t *testing.T) {
	e := builtin(t, cpu(t, cpudev.Options{}))
	ids := prompt(300)
	var want []int
	for _, chunk := range []int{1, 7, 64, 256, 300} {
		cfg := selection.Default(2048)
		cfg.Policy, cfg.Chunk = selection.Dense, chunk
		s := session(t, e, 400, cfg)
		prefill(t, s, ids)
		got := generate(t, s, 10)
		if want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("chunks of %d: %v, others %v", chunk, got, want)
		}
	}
}

// TestLeaks counts the device's buffers before and after engines, sessions and
// a change of policy, failures included.
func TestLeaks(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	ckpt := tiny(t, "llama-untied")
	ids := prompt(1100)
	for i := range ids {
		ids[i] %= ckpt.Config.Vocab
	}
	failed, all := map[string]bool{}, false
	for n := 1; !all; n++ {
		failing := &failAt{dev, n}
		in := "engine"
		e, err := engine.New(failing, ckpt, engine.Options{})
		if err == nil {
			in = "session"
			s, serr := e.NewSession(engine.SessionOptions{Context: 3000, Selection: selection.Default(2048)})
			if serr == nil {
				in = "prefill"
				err = s.Prefill(context.Background(), ids, nil)
				if err == nil {
					in = "policy"
					cfg := selection.Default(2048)
					cfg.Policy = selection.Window
					err = s.SetSelection(cfg)
				}
				s.Close()
			} else {
				err = serr
			}
			e.Close()
		}
		if err != nil && !errors.Is(err, gpu.ErrOutOfMemory) {
			t.Fatalf("buffer %d fails: %v, expected out of memory", n, err)
		}
		if dev.Buffers() != 0 {
			t.Fatalf("buffer %d fails: %d buffers left", n, dev.Buffers())
		}
		failed[in], all = failed[in] || err != nil, err == nil
	}
	if !failed["engine"] || !failed["session"] || !failed["prefill"] {
		t.Errorf("buffers failed in %v, expected in the engine, a session and a prefill", failed)
	}
}

// failAt is a device whose left-th NewBuffer fails.
type failAt struct {
	*cpudev.Device
	left int
}

func (d *failAt) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if d.left--; d.left == 0 {
		return nil, gpu.ErrOutOfMemory
	}
	return d.Device.NewBuffer(label, size)
}

// TestTail: the end of a prompt selects for itself, whatever stands before it in
// its chunk.
func TestTail(t *testing.T) {
	ctx := context.Background()
	e := builtin(t, cpu(t, cpudev.Options{}))
	cfg := selection.Config{Policy: selection.TokenSelect, NInit: 4, NLocal: 32, K: 32, Chunk: 128}
	ids := make([]int, 1000)
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range ids {
		ids[i] = rng.IntN(e.Config().Vocab)
	}
	chosen := func(tail int, parts ...[]int) []selection.Chosen {
		cfg.Tail = tail
		s := session(t, e, len(ids), cfg)
		for _, part := range parts {
			prefill(t, s, part)
		}
		c, err := s.Chosen(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	with, without := chosen(20, ids), chosen(0, ids)
	if apart := chosen(0, ids[:980], ids[980:]); !reflect.DeepEqual(with, apart) {
		t.Errorf("a tail of 20 tokens attends to %v, the same as a prompt of its own to %v", with, apart)
	}
	if reflect.DeepEqual(with, without) {
		t.Error("with a tail and without one the same rows are attended to")
	}
}

// TestBadSession: what cannot be is refused in words, before memory is taken.
func TestBadSession(t *testing.T) {
	e := builtin(t, cpu(t, cpudev.Options{}))
	cfg := selection.Default(2048)
	if _, err := e.NewSession(engine.SessionOptions{Context: 0, Selection: cfg}); err == nil {
		t.Error("a context of 0 tokens: no error")
	}
	if _, err := e.NewSession(engine.SessionOptions{Context: 1 << 40, Selection: cfg}); err == nil {
		t.Error("a context of a trillion tokens: no error")
	}
	s := session(t, e, 100, cfg)
	if err := s.Prefill(context.Background(), []int{1, 8192}, nil); err == nil {
		t.Error("an id beyond the vocabulary: no error")
	}
	if err := s.Prefill(context.Background(), []int{-1}, nil); err == nil {
		t.Error("a negative id: no error")
	}
	big := cfg
	big.Chunk = 512
	if err := s.SetSelection(big); err == nil {
		t.Error("a larger chunk than the session's: no error")
	}
	if _, err := engine.New(cpu(t, cpudev.Options{}), checkpoint(t), engine.Options{Cache: "int4"}); err == nil {
		t.Error("a cache of int4: no error")
	}
}

func checkpoint(t *testing.T) *weights.Model {
	t.Helper()
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	return ckpt
}
