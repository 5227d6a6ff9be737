package engine_test

import (
	"context"
	"errors"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
)

// idle is a GPU that computes nothing.
type idle struct{ commands int }

func (d *idle) Info() gpu.Info {
	return gpu.Info{
		Device: "idle", Kind: gpu.Discrete, Limits: gpu.Limits{Buffer: 1 << 31, Binding: 1 << 31, Shared: 16 << 10},
		Features: gpu.Features{Subgroups: gpu.Subgroups{Least: 32, Most: 32}},
	}
}

func (d *idle) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	return &gpu.Buffer{Label: label, Size: size}, nil
}

func (d *idle) BeginRead(_ *gpu.Buffer, _, n int) (gpu.Pending, error) {
	return func(context.Context) ([]byte, error) { return make([]byte, n), nil }, nil
}

func (d *idle) Submit(r *gpu.Recording) error {
	d.commands += r.Len()
	return r.Err()
}

func (d *idle) Free(*gpu.Buffer)                                     {}
func (d *idle) Write(*gpu.Buffer, int, []byte) error                 { return nil }
func (d *idle) Read(context.Context, *gpu.Buffer, int, []byte) error { return nil }
func (d *idle) Close()                                               {}

// BenchmarkDecodeHost is what a token of needle-16m costs beside the device's
// work: its commands recorded.
func BenchmarkDecodeHost(b *testing.B) {
	dev := &idle{}
	e := builtin(b, dev)
	s, err := e.NewSession(engine.SessionOptions{Context: 8192, Selection: selection.Config{Policy: selection.TokenSelect, NInit: 16, K: 512, NLocal: 256, Chunk: 256}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ctx := context.Background()
	if err := s.Prefill(ctx, make([]int, 4097), nil); err != nil {
		b.Fatal(err)
	}
	dev.commands = 0
	b.ReportAllocs()
	tokens := 0
	for b.Loop() {
		res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: 64, Ahead: e.Ahead()})
		if err != nil {
			b.Fatal(err)
		}
		tokens += len(res.IDs)
		if err := errors.Join(s.Truncate(4096), s.Prefill(ctx, []int{0}, nil)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(dev.commands)/float64(tokens), "commands/token")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(tokens), "ns/token")
}
