//go:build !js

package main

import (
	"context"
	"time"

	"tokenselect/cmd/tokenselect/internal/eval"
	"tokenselect/cmd/tokenselect/internal/eval/mass"
	"tokenselect/engine"
	"tokenselect/engine/kernels"
	"tokenselect/engine/model"
	"tokenselect/engine/selection"
)

// blockSizes are the tokens of the blocks that single tokens are compared with.
var blockSizes = []int{1, 8, 16, 32, 64, 128}

// recall reads a prompt and then the right reply token by token, and looks at the
// attention of those steps.
func (w *evalWorker) recall(ctx context.Context, u eval.Unit, emit func(eval.Record) error) error {
	if w.bare == nil { // the engine's own sequences have no place for a watcher
		bare, err := model.Load(w.dev, w.ckpt)
		if err != nil {
			return err
		}
		w.bare = bare
	}
	c, ids, err := w.question(u)
	if err != nil {
		return err
	}
	reply := w.m.Tokenizer.Encode(c.Reply, false)
	reply = reply[:min(len(reply), w.tokens)]
	scale := w.bare.Config.RopeAttention() // of queries and of keys, and the table is for both
	table := kernels.RopeTable(w.bare.Config.InvFreq(), len(ids)+len(reply), scale*scale)
	for _, policy := range u.Policies {
		r := w.record(u, policy)
		if err := w.watch(ctx, ids, reply, table, &r); err != nil {
			return err
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// watch has one policy read ids and then reply.
func (w *evalWorker) watch(ctx context.Context, ids, reply []int, table []float32, r *eval.Record) error {
	cfg, c := w.configs[r.Policy], w.bare.Config
	kv, err := kernels.ParseCacheType(w.m.Engine.Cache())
	if err != nil {
		return err
	}
	sel, err := selection.New(w.dev, cfg, engine.SelectionShape(c))
	if err != nil {
		return err
	}
	shape := mass.Shape{Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim}
	watcher, err := mass.Watch(w.dev, sel, shape, c.Layers)
	if err != nil {
		sel.Close()
		return err
	}
	defer watcher.Close()
	seq, err := w.bare.NewSequence(len(ids)+len(reply), cfg.Chunk, kv, cfg.Index, watcher)
	if err != nil {
		return err
	}
	defer seq.Close()
	began := time.Now()
	for at := 0; at < len(ids); at += cfg.Chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := seq.Feed(ids[at:min(at+cfg.Chunk, len(ids))], false); err != nil {
			return err
		}
		// Wait for the chunk: a device that is given all of a long prompt at once
		// looks hung.
		if _, err := seq.Sampled(ctx); err != nil {
			return err
		}
	}
	r.Prefill = time.Since(began).Seconds()
	r.Tokens = len(ids)
	look := mass.NewLook(shape, cfg, table, blockSizes)
	began = time.Now()
	for _, id := range reply {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := seq.Feed([]int{id}, false); err != nil {
			return err
		}
		layers, err := watcher.Step(ctx)
		if err != nil {
			return err
		}
		look.Add(layers)
	}
	r.Decode, r.Decoded = time.Since(began).Seconds(), len(reply)
	found := look.Found()
	r.Score, r.Mass = found.Mean(), &found
	return nil
}
