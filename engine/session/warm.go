package session

import (
	"context"
	"time"

	"tokenselect/engine"
)

// Warm runs a few tokens through the model, so that a device compiles its
// kernels before the first question waits for it, and returns how many tokens of
// a prompt it reads in a second.
func (m *Model) Warm(ctx context.Context) (rate float64, err error) {
	const once, timed = 32, 64
	cfg := defaults(m)
	cfg.Chunk = min(cfg.Chunk, timed)
	s, err := m.Engine.NewSession(engine.SessionOptions{Context: once + timed, Selection: cfg})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	ids := make([]int, timed)
	for i := range ids {
		ids[i] = i % m.Engine.Config().Vocab
	}
	if err := s.Prefill(ctx, ids[:once], nil); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.Prefill(ctx, ids, nil); err != nil {
		return 0, err
	}
	return timed / max(time.Since(began).Seconds(), 1e-6), nil
}
