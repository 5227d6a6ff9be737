package main

import (
	"context"
	"time"

	"tokenselect/cmd/tokenselect/internal/eval"
	"tokenselect/cmd/tokenselect/internal/eval/task"
	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/session"
)

// evalWorker does the cases of one goroutine.
type evalWorker struct {
	*evaluation
	dev gpu.Device
	m   *session.Model
	ids []int // of -text, once asked for
}

func (w *evalWorker) close() { w.m.Close() }

// question makes the case of a unit and its prompt.
func (w *evalWorker) question(u eval.Unit) (task.Case, []int, error) {
	m, err := measure(w.m)
	if err != nil {
		return task.Case{}, nil, err
	}
	c, err := w.tasks[u.Task].Generate(task.Seed(w.seed, u.Task, u.Length, u.Case), u.Length, w.filler, m)
	if err != nil {
		return c, nil, err
	}
	ids, err := prompt(w.m, c.Document, c.Question)
	return c, ids, err
}

// record is an empty result.
func (w *evalWorker) record(u eval.Unit, policy string) eval.Record {
	info := w.dev.Info()
	return eval.Record{Policy: policy, Task: u.Task, Length: u.Length, Case: u.Case, Device: info.Device, Adapter: info.Name}
}

// answers asks with each policy.
func (w *evalWorker) answers(ctx context.Context, u eval.Unit, emit func(eval.Record) error) error {
	c, ids, err := w.question(u)
	if err != nil {
		return err
	}
	for _, policy := range u.Policies {
		r := w.record(u, policy)
		if err := w.answer(ctx, c, ids, &r); err != nil {
			return err
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// answer has the model reply and scores that.
func (w *evalWorker) answer(ctx context.Context, c task.Case, ids []int, r *eval.Record) error {
	want := w.m.Tokenizer.Encode(c.Reply, false)
	most := len(want) + max(16, len(want)/4) // a reply may be longer than it should
	s, err := w.m.Engine.NewSession(engine.SessionOptions{Context: len(ids) + most + len(want) + 1, Selection: w.configs[r.Policy]})
	if err != nil {
		return err
	}
	defer s.Close()
	began := time.Now()
	if err := s.Prefill(ctx, ids, nil); err != nil {
		return err
	}
	r.Tokens, r.Prefill = len(ids), time.Since(began).Seconds()
	res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: most, Stop: w.m.IsEnd, Ahead: w.m.Engine.Ahead()})
	if err != nil {
		return err
	}
	r.Decode, r.Decoded, r.Hits, r.Misses = res.Decode.Seconds(), len(res.IDs)-1, res.CacheHits, res.CacheMisses
	reply := res.IDs
	if res.Reason == engine.Stopped {
		reply = reply[:len(reply)-1]
	}
	r.Reply = w.m.Tokenizer.Decode(reply)
	r.Score, r.Exact = eval.Score(r.Reply, c.Answers), r.Reply == c.Reply
	if !w.forced {
		return nil
	}
	r.Forced = len(want)
	r.Right, err = forced(ctx, s, len(ids), want, res.IDs)
	return err
}

// forced counts the tokens of want that are the most likely ones after those before
// them. got is what the session was continued with after its first n tokens: as far
// as that is want, the count is known.
func forced(ctx context.Context, s *engine.Session, n int, want, got []int) (right int, err error) {
	for right < len(want) && right < len(got) && want[right] == got[right] {
		right++
	}
	at := right // the first that is not
	if at >= len(want)-1 {
		return right, nil
	}
	if err := s.Truncate(min(s.Len(), n+at)); err != nil {
		return 0, err
	}
	for i := at; i < len(want)-1; i++ {
		if err := s.Prefill(ctx, want[i:i+1], nil); err != nil {
			return 0, err
		}
		logits, err := s.Logits(ctx)
		if err != nil {
			return 0, err
		}
		if largest(logits) == want[i+1] {
			right++
		}
	}
	return right, nil
}

// largest is the index of the largest value, the first of equals.
func largest(values []float32) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}
