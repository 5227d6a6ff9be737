package layer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// Linear is the time of a model's products with one of its weights, for one
// token or a chunk of them: all calls together, one a layer. The last row of a
// step, called "all", is the sum of those before it.
type Linear struct {
	Model  string `json:"model"`
	Tokens int    `json:"tokens"`         // 1: decode
	Type   string `json:"type"`           // of the weights
	Rows   int    `json:"rows,omitempty"` // of the weight
	Cols   int    `json:"cols,omitempty"`
	Kernel        // called as the weight
	// Why there is no time: the device has not the memory.
	Skipped string `json:"skipped,omitempty"`
}

// Model is the size of a model.
type Model struct {
	Name                               string
	Layers, Hidden, FeedForward, Vocab int
	Heads, KVHeads, HeadDim            int
}

// LinearConfig is what RunLinear measures.
type LinearConfig struct {
	Models   []Model
	Chunk    int
	Ceilings Ceilings
	Progress func(what string)
}

// matrix is a weight as the forward pass keeps it.
type matrix struct {
	name       string
	rows, cols int
	calls      int // of a step
}

// matrices are those of a model. Only the last token of a step goes through the
// head.
func matrices(c Model, tokens int) []matrix {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	all := []matrix{{"qkv", q + 2*kv, c.Hidden, c.Layers}, {"o", c.Hidden, q, c.Layers},
		{"gate_up", 2 * c.FeedForward, c.Hidden, c.Layers}, {"down", c.Hidden, c.FeedForward, c.Layers}}
	if tokens == 1 {
		all = append(all, matrix{"head", c.Vocab, c.Hidden, 1})
	}
	return all
}

// RunLinear measures the linear layers of each model, with weights of 8 bits, of
// 4 bits with a scale, of 4 bits with a scale and a minimum, and of float16.
func RunLinear(ctx context.Context, dev gpu.Device, c LinearConfig) ([]Linear, error) {
	var rows []Linear
	for _, m := range c.Models {
		for _, tokens := range []int{1, c.Chunk} {
			for _, t := range []kernels.WeightType{kernels.Q8_0, kernels.Q4_0, kernels.Q4_1, kernels.F16} {
				some, err := c.step(ctx, dev, m, t, tokens)
				if rows = append(rows, some...); err != nil {
					return rows, err
				}
			}
		}
	}
	return rows, nil
}

// step measures one token, or a chunk.
func (c LinearConfig) step(ctx context.Context, dev gpu.Device, m Model, t kernels.WeightType, tokens int) ([]Linear, error) {
	var rows []Linear
	sum := Linear{Model: m.Name, Tokens: tokens, Type: t.String(), Kernel: Kernel{Name: "all"}}
	for _, x := range matrices(m, tokens) {
		if c.Progress != nil {
			c.Progress(fmt.Sprintf("%s, %s %v for %d", m.Name, x.name, t, tokens))
		}
		row := Linear{Model: m.Name, Tokens: tokens, Type: t.String(), Rows: x.rows, Cols: x.cols, Kernel: Kernel{Name: x.name, Calls: x.calls}}
		err := row.measure(ctx, dev, t, c.Ceilings)
		switch {
		case errors.Is(err, gpu.ErrLimit) || errors.Is(err, gpu.ErrOutOfMemory):
			row.Skipped, sum.Skipped = err.Error(), x.name+" was skipped"
		case err != nil:
			return rows, err
		}
		sum.Calls, sum.US, sum.Bytes, sum.Operations = sum.Calls+row.Calls, sum.US+row.US, sum.Bytes+row.Bytes, sum.Operations+row.Operations
		rows = append(rows, row)
	}
	if sum.Skipped == "" {
		sum.hold(c.Ceilings)
	}
	return append(rows, sum), nil
}

// measure fills in the times. Weights of the shape, of 256 MiB together but at
// most 64 of them, take turns as those of a model's layers do: what a processor
// has kept of so many is not read from memory, so that small ones may exceed the
// ceiling of reading, as they do in a small model.
func (l *Linear) measure(ctx context.Context, dev gpu.Device, t kernels.WeightType, top Ceilings) error {
	b := &bed{dev: dev}
	defer b.close()
	size := 4 * (t.DataWords(l.Rows, l.Cols) + t.ScaleWords(l.Rows, l.Cols))
	rng := rand.New(rand.NewPCG(5, 6))
	data := newNoise(rng, kernels.CacheF16)
	turns := make([]kernels.Weight, min(64, 1+(cacheShare-1)/size))
	for i := range turns {
		var err error
		if turns[i], err = b.weight(t, l.Rows, l.Cols, data); err != nil {
			return err
		}
	}
	x, err := b.buffer(4 * l.Tokens * l.Cols)
	if err != nil {
		return err
	}
	if b.y, err = b.buffer(4 * l.Tokens * l.Rows); err != nil {
		return err
	}
	values := make([]float32, l.Tokens*l.Cols)
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	if err := dev.Write(x, 0, bytesOf(values)); err != nil {
		return err
	}
	if err := b.warm(ctx); err != nil {
		return err
	}
	took, err := b.measure(ctx, func(r *gpu.Recording, i int) {
		kernels.MatMul(r, turns[i%len(turns)], gpu.All(x), gpu.All(b.y), l.Tokens, 0)
	})
	if err != nil {
		return err
	}
	l.US = us(took) * float64(l.Calls)
	l.Bytes = int64(l.Calls) * (int64(size) + 4*int64(l.Tokens)*int64(l.Rows+l.Cols))
	l.Operations = 2 * int64(l.Calls) * int64(l.Tokens) * int64(l.Rows) * int64(l.Cols)
	l.hold(top)
	return nil
}

// weight is random, in as many shards as the device needs.
func (b *bed) weight(t kernels.WeightType, rows, cols int, data *noise) (kernels.Weight, error) {
	w := kernels.Weight{Type: t, Rows: rows, Cols: cols}
	limits := b.dev.Info().Limits
	perRow := 4 * t.DataWords(2, cols) / 2
	most := min(limits.Binding, limits.Buffer) / perRow &^ 1
	if most < 1 {
		return w, fmt.Errorf("rows of %d bytes, %s binds %d: %w", perRow, b.dev.Info().Name, limits.Binding, gpu.ErrLimit)
	}
	for row := 0; row < rows; row += most {
		s := kernels.Shard{Row0: row, Rows: min(most, rows-row)}
		for _, part := range []struct {
			to    *gpu.Range
			words int
		}{{&s.Data, t.DataWords(s.Rows, cols)}, {&s.Scale, t.ScaleWords(s.Rows, cols)}} {
			if part.words == 0 {
				continue
			}
			made, err := b.buffer(4 * part.words)
			if err != nil {
				return w, err
			}
			if err := data.fill(b.dev, made); err != nil {
				return w, err
			}
			*part.to = gpu.All(made)
		}
		w.Shards = append(w.Shards, s)
	}
	return w, nil
}
