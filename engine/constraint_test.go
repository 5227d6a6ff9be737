package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/grammar"
	"tokenselect/engine/sample"
	"tokenselect/engine/selection"
	conversations "tokenselect/engine/session"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// script allows one set of tokens after the other, then nothing.
type script struct {
	sets [][]int
	took []int
}

var errTook = errors.New("not this one")

func (s *script) Allowed() []uint64 {
	if len(s.took) == len(s.sets) {
		return nil
	}
	mask := make([]uint64, 40)
	for _, id := range s.sets[len(s.took)] {
		mask[id>>6] |= 1 << (id & 63)
	}
	return mask
}

func (s *script) Took(id int) error {
	if !slices.Contains(s.sets[len(s.took)], id) {
		return errTook
	}
	s.took = append(s.took, id)
	return nil
}

// TestConstraint: tokens are those that a constraint allows, of several the most
// likely; of one nothing is read back. The device's own picks count for nothing.
func TestConstraint(t *testing.T) {
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	dev := &reads{Device: cpu}
	e := onDevice(t, dev, "f32")
	ctx := context.Background()
	var logits []float32
	generate := func(sets [][]int, o engine.GenerateOptions) (engine.Result, *script, int, error) {
		s, err := e.NewSession(engine.SessionOptions{Context: 256, Selection: selection.Config{Policy: selection.Dense, Chunk: 32}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Prefill(ctx, prompts(t, 1)[0][:64], nil); err != nil {
			t.Fatal(err)
		}
		read, err := s.Logits(ctx)
		if err != nil {
			t.Fatal(err)
		}
		logits = slices.Clone(read)
		c := &script{sets: sets}
		before := dev.n
		o.MaxTokens, o.Constraint = 20, c
		res, err := s.Generate(ctx, o)
		return res, c, dev.n - before, err
	}
	sets := [][]int{{7, 300, 900, 2000}, {5}, {6}, {9, 8}}
	res, c, several, err := generate(sets, engine.GenerateOptions{Ahead: 8})
	if err != nil || res.Reason != engine.Stopped || !slices.Equal(res.IDs, c.took) || len(res.IDs) != 4 {
		t.Fatalf("%+v, took %v, %v", res, c.took, err)
	}
	if best := slices.MaxFunc(sets[0], func(a, b int) int { return int(1e6 * (logits[a] - logits[b])) }); res.IDs[0] != best {
		t.Errorf("began with %d, the most likely of those allowed is %d", res.IDs[0], best)
	}
	_, _, single, _ := generate([][]int{{7}, {5}, {6}, {9}}, engine.GenerateOptions{})
	if several != single+2 {
		t.Errorf("%d reads with two choices, %d without one, expected two more", several, single)
	}
	hot := engine.GenerateOptions{Sample: sample.Options{Temperature: 50, TopP: 0.99, Seed: 3}}
	again, _, _, err := generate(sets, hot)
	twice, _, _, _ := generate(sets, hot)
	if err != nil || len(again.IDs) != 4 || !slices.Equal(again.IDs, twice.IDs) {
		t.Errorf("sampled %v and %v, %v", again.IDs, twice.IDs, err)
	}
	begun, c, _, err := generate(sets, engine.GenerateOptions{Begun: []int{again.IDs[0], 5}, Sample: hot.Sample})
	if err != nil || !slices.Equal(begun.IDs, again.IDs) || !slices.Equal(c.took, again.IDs) {
		t.Errorf("after a beginning %v, expected %v; %v", begun.IDs, again.IDs, err)
	}
	if _, _, _, err := generate([][]int{{5}, {}}, engine.GenerateOptions{}); err == nil || !strings.Contains(err.Error(), "none of") {
		t.Errorf("nothing allowed: %v", err)
	}
	if _, _, _, err := generate(sets, engine.GenerateOptions{Begun: []int{1}}); !errors.Is(err, errTook) {
		t.Errorf("a beginning that is not allowed: %v", err)
	}
	if res, _, _, err := generate(sets, engine.GenerateOptions{Stop: func(id int) bool { return id == 6 }}); err != nil || len(res.IDs) != 3 {
		t.Errorf("stop tokens end it: %+v, %v", res, err)
	}
}

// constrained asks for JSON on a device.
func constrained(t *testing.T, dev gpu.Device) {
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	m, err := conversations.Load(dev, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	g, err := grammar.NewVocabulary(m.Tokenizer).Schema([]byte(`{"type":"object","properties":{"animal":{"enum":["dog","fox","cat"]},"tame":{"type":"boolean"}},"required":["animal","tame"]}`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.NewConversation("Felix Ellis is 64 years old. Ada Dixon keeps a fox at home.", conversations.Options{
		Selection: selection.Default(2048), MaxTokens: 40, Constrain: func() engine.Constraint { return g.Start() }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ans, err := c.Ask(context.Background(), "Which animal does Ada Dixon keep?", nil)
	var got struct {
		Animal string
		Tame   *bool
	}
	if err != nil || json.Unmarshal([]byte(ans.Text), &got) != nil || got.Animal != "fox" || got.Tame == nil || ans.Reason != engine.Stopped {
		t.Errorf("%q, %+v, %v", ans.Text, ans.Result, err)
	}
}

func TestConstraintWGPU(t *testing.T) { constrained(t, wgpu.For(t)) }
