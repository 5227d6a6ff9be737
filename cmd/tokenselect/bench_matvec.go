package main

import (
	"context"
	"fmt"

	"tokenselect/cmd/tokenselect/internal/layer"
	"tokenselect/engine/gpu"
)

// linearShapes are the models of bench -matvec unless others are named.
var linearShapes = []string{"needle-16m", "qwen2.5-1.5b"}

// matvecReport is what bench -matvec measured.
type matvecReport struct {
	partReport
	Rows []layer.Linear `json:"rows"`
}

// matvec measures linear layers on each device.
func (b *bench) matvec(ctx context.Context, f partFlags) error {
	var cfg layer.LinearConfig
	for _, name := range f.named(linearShapes...) {
		c, err := shapeNamed("-shapes", name)
		if err != nil {
			return err
		}
		cfg.Models = append(cfg.Models, layer.Model{Name: c.Name, Layers: c.Layers, Hidden: c.Hidden, FeedForward: c.FeedForward, Vocab: c.Vocab,
			Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim, Bias: c.AttentionBias})
	}
	var reports []matvecReport
	err := b.each(func(dev gpu.Device) error {
		var r matvecReport
		var err error
		if _, cfg.Cache, err = b.cacheOf(dev.Info()); err != nil {
			return err
		}
		if r.partReport, err = b.part(ctx, dev); err != nil {
			return err
		}
		cfg.Chunk, cfg.Ceilings, cfg.Progress = r.Config.Chunk, r.Ceilings, b.progress(dev.Info())
		if r.Rows, err = layer.RunLinear(ctx, dev, cfg); err != nil {
			return err
		}
		b.progressed()
		reports = append(reports, r)
		if b.asJSON {
			return nil
		}
		fmt.Fprintf(b.std.out, "%s: %s; %s; products with random weights\n", r.Device, r.Adapter, budgets(r.Config))
		if err := layer.PrintLinear(b.std.out, r.Ceilings, r.Rows, b.markdown); err != nil {
			return err
		}
		_, err = fmt.Fprintln(b.std.out)
		return err
	})
	if err != nil || !b.asJSON {
		return err
	}
	return b.json(reports)
}
