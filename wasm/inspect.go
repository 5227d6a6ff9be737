//go:build js

package main

import (
	"context"
	"fmt"
	"math"
	"syscall/js"

	"tokenselect/engine"
	"tokenselect/engine/chat"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
	"tokenselect/engine/tokenizer"
	"tokenselect/engine/weights"
)

// inspect answers host.inspect(files, name, contexts, cpu, done): what a GGUF
// file is, or the parts of a split one, and what it takes of a device, by its
// header alone. A file is a Blob, or anything with a size and a slice whose
// arrayBuffer is a promise: it may still be on a server. done is called with an
// object, which has a field error where the file cannot be used.
func inspect(_ js.Value, args []js.Value) any {
	files, name, done := args[0], args[1].String(), args[4]
	kind := gpu.Unknown
	if args[3].Bool() {
		kind = gpu.CPU
	}
	contexts := make([]int, args[2].Length())
	for i := range contexts {
		contexts[i] = args[2].Index(i).Int()
	}
	go func() {
		found, err := describe(context.Background(), files, name, contexts, kind)
		if err != nil {
			found = map[string]any{"error": err.Error()}
		}
		done.Invoke(found)
	}()
	return nil
}

// describe is what inspect tells of a file: sizes are bytes, contexts tokens.
func describe(ctx context.Context, files js.Value, name string, contexts []int, kind gpu.Kind) (map[string]any, error) {
	parts, _ := partsOf(ctx, files, name)
	ckpt, err := weights.OpenGGUFParts(name, parts...)
	if err != nil {
		return nil, err
	}
	if err := answers(ckpt); err != nil {
		return nil, err
	}
	c, cfg := ckpt.Config, selection.Default(ckpt.Config.Context)
	t := kernels.CacheF16
	if kind == gpu.CPU {
		t = kernels.CacheF32
	}
	// What the adapter can bind is compared by the page, which knows it before a
	// device is opened.
	dev := gpu.Info{Kind: kind, Limits: gpu.Limits{Buffer: math.MaxInt, Binding: math.MaxInt}}
	estimates := make([]any, len(contexts))
	for i, n := range contexts {
		m, err := engine.Estimate(ckpt, n, dev, engine.Options{}, cfg)
		if err != nil {
			return nil, err
		}
		estimates[i] = map[string]any{
			"context": n, "weights": m.Weights, "cache": m.Cache, "selection": m.Selection, "work": m.Work,
			"layer": int64(n) * int64(t.Bytes()*c.KVHeads*c.HeadDim), // keys of one layer, which are bound as one
		}
	}
	return map[string]any{
		"architecture": c.Architecture, "title": c.Name, "quantisation": ckpt.Quantisation,
		"layers": c.Layers, "context": c.Context, "estimates": estimates,
	}, nil
}

// answers tells why questions cannot be put to a checkpoint, if they cannot.
func answers(ckpt *weights.Model) error {
	if ckpt.Tokenizer == nil {
		return fmt.Errorf("%s: the file has no tokenizer", ckpt.Path)
	}
	tok, err := tokenizer.New(*ckpt.Tokenizer)
	if err != nil {
		return err
	}
	_, err = chat.New(tok, nil)
	return err
}
