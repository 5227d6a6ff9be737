package main

import (
	"context"
	"time"

	"tokenselect/cmd/tokenselect/internal/eval"
	"tokenselect/cmd/tokenselect/internal/eval/mass"
	"tokenselect/engine"
	"tokenselect/engine/record"
	"tokenselect/engine/trace"
)

// recall reads a prompt and then the right reply token by token, and looks at the
// attention of those steps.
func (w *evalWorker) recall(ctx context.Context, u eval.Unit, emit func(eval.Record) error) error {
	c, ids, err := w.question(u)
	if err != nil {
		return err
	}
	reply := w.m.Tokenizer.Encode(c.Reply, false)
	reply = reply[:min(len(reply), w.tokens)]
	for _, policy := range u.Policies {
		r := w.record(u, policy)
		if err := w.watch(ctx, ids, reply, &r); err != nil {
			return err
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// watch has one policy read ids and then reply.
func (w *evalWorker) watch(ctx context.Context, ids, reply []int, r *eval.Record) error {
	s, err := w.m.Engine.NewSession(engine.SessionOptions{Context: len(ids) + len(reply) + 1, Selection: w.configs[r.Policy]})
	if err != nil {
		return err
	}
	defer s.Close()
	began := time.Now()
	if err := s.Prefill(ctx, ids, nil); err != nil {
		return err
	}
	r.Prefill, r.Tokens = time.Since(began).Seconds(), len(ids)
	look := mass.NewLook(s.Selection())
	if err := s.Record(&record.Options{Record: trace.Record{Mass: true}, Seen: look.Seen}); err != nil {
		return err
	}
	began = time.Now()
	for _, id := range reply {
		if err := s.Prefill(ctx, []int{id}, nil); err != nil {
			return err
		}
		step := trace.Step{Layers: make([]trace.Layer, w.m.Engine.Config().Layers)}
		if err := s.Recorded(ctx, &step); err != nil {
			return err
		}
		look.Add(step.Layers)
	}
	r.Decode, r.Decoded = time.Since(began).Seconds(), len(reply)
	found := look.Found()
	r.Score, r.Mass = found.Mean(), &found
	return nil
}
