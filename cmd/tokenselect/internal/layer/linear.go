package layer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// Linear is the time of a model's products with one of its weights, or of something
// else around them, for one token or a chunk of them: all calls together. The row
// called "all" is the sum of the products before it. After it come the products that
// one token goes through in a kernel with the norm before them and a bias or the gate
// after them, and what has no product.
type Linear struct {
	Model  string `json:"model"`
	Tokens int    `json:"tokens"`         // 1: decode
	Type   string `json:"type,omitempty"` // of the weights; "": there are none
	Rows   int    `json:"rows,omitempty"` // of the weight
	Cols   int    `json:"cols,omitempty"`
	Kernel        // called as the weight, or as what is done with it
	// Why there is no time: the device has not the memory.
	Skipped string `json:"skipped,omitempty"`
}

// Model is the size of a model.
type Model struct {
	Name                               string
	Layers, Hidden, FeedForward, Vocab int
	Heads, KVHeads, HeadDim            int
	Bias                               bool // of queries, keys and values
}

// LinearConfig is what RunLinear measures.
type LinearConfig struct {
	Models   []Model
	Chunk    int
	Cache    kernels.CacheType
	Ceilings Ceilings
	Progress func(what string)
}

// matrix is a weight as the forward pass keeps it, and what is done with it.
type matrix struct {
	name       string
	rows, cols int
	calls      int // of a step
	in         use
}

// use is what a weight is used in.
type use int

const (
	product     use = iota // kernels.MatMul
	normed                 // kernels.NormMatMul
	normedBias             // likewise, with a bias
	normedGated            // kernels.NormSwiGLU
)

// matrices are those of a model. Only the last token of a step goes through the
// head.
func matrices(c Model, tokens int) []matrix {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	all := []matrix{{"qkv", q + 2*kv, c.Hidden, c.Layers, product}, {"o", c.Hidden, q, c.Layers, product},
		{"gate_up", 2 * c.FeedForward, c.Hidden, c.Layers, product}, {"down", c.Hidden, c.FeedForward, c.Layers, product}}
	if tokens == 1 {
		all = append(all, matrix{"head", c.Vocab, c.Hidden, 1, product})
	}
	return all
}

// normedMatrices are those that a single token goes through together with the norm
// before them, and a bias or the gate after them.
func normedMatrices(c Model) []matrix {
	qkv := matrix{"norm, qkv", (c.Heads + 2*c.KVHeads) * c.HeadDim, c.Hidden, c.Layers, normed}
	if c.Bias {
		qkv.name, qkv.in = "norm, qkv, bias", normedBias
	}
	return []matrix{qkv, {"norm, gate_up, swiglu", 2 * c.FeedForward, c.Hidden, c.Layers, normedGated}}
}

// RunLinear measures the linear layers of each model, with weights of 8 bits, of
// 4 bits with a scale, of 4 bits with a scale and a minimum, and of float16, and what
// is around them.
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
			some, err := c.besides(ctx, dev, m, tokens)
			if rows = append(rows, some...); err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

// step measures one token, or a chunk.
func (c LinearConfig) step(ctx context.Context, dev gpu.Device, m Model, t kernels.WeightType, tokens int) ([]Linear, error) {
	var rows []Linear
	row := func(x matrix) (Linear, error) {
		return c.row(Linear{Model: m.Name, Tokens: tokens, Type: t.String(), Rows: x.rows, Cols: x.cols, Kernel: Kernel{Name: x.name, Calls: x.calls}},
			func(l *Linear) error { return l.measure(ctx, dev, t, x.in) })
	}
	sum := Linear{Model: m.Name, Tokens: tokens, Type: t.String(), Kernel: Kernel{Name: "all"}}
	for _, x := range matrices(m, tokens) {
		row, err := row(x)
		if err != nil {
			return rows, err
		}
		if row.Skipped != "" {
			sum.Skipped = x.name + " was skipped"
		}
		sum.Calls, sum.US, sum.Bytes, sum.Operations = sum.Calls+row.Calls, sum.US+row.US, sum.Bytes+row.Bytes, sum.Operations+row.Operations
		rows = append(rows, row)
	}
	if sum.Skipped == "" {
		sum.hold(c.Ceilings)
	}
	rows = append(rows, sum)
	if tokens == 1 {
		for _, x := range normedMatrices(m) {
			row, err := row(x)
			if err != nil {
				return rows, err
			}
			rows = append(rows, row)
		}
	}
	embed, err := c.row(Linear{Model: m.Name, Tokens: tokens, Type: t.String(), Rows: m.Vocab, Cols: m.Hidden, Kernel: Kernel{Name: "embed", Calls: 1}},
		func(l *Linear) error { return l.embed(ctx, dev, t) })
	if err != nil {
		return rows, err
	}
	return append(rows, embed), nil
}

// row fills in a row by measure, or says why there is no time.
func (c LinearConfig) row(l Linear, measure func(*Linear) error) (Linear, error) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf("%s, %s %s for %d", l.Model, l.Name, l.Type, l.Tokens))
	}
	err := measure(&l)
	if errors.Is(err, gpu.ErrLimit) || errors.Is(err, gpu.ErrOutOfMemory) {
		l.Skipped, err = err.Error(), nil
	}
	if l.Skipped == "" {
		l.hold(c.Ceilings)
	}
	return l, err
}

// measure fills in the times. Weights of the shape, of 256 MiB together but at
// most 64 of them, take turns as those of a model's layers do: what a processor
// has kept of so many is not read from memory, so that small ones may exceed the
// ceiling of reading, as they do in a small model.
func (l *Linear) measure(ctx context.Context, dev gpu.Device, t kernels.WeightType, in use) error {
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
	x, err := b.values(rng, l.Tokens*l.Cols)
	if err != nil {
		return err
	}
	if b.y, err = b.buffer(4 * l.Tokens * l.Rows); err != nil {
		return err
	}
	y := gpu.All(b.y)
	record := func(r *gpu.Recording, w kernels.Weight) { kernels.MatMul(r, w, x, y, l.Tokens, 0) }
	weights, values := l.Rows*l.Cols, l.Tokens*(l.Rows+l.Cols)
	operations := 2 * l.Tokens * weights
	if in != product {
		var gain, bias, h, gateUp gpu.Range
		for _, of := range []struct {
			to *gpu.Range
			n  int
		}{{&gain, l.Cols}, {&bias, l.Rows}, {&h, l.Tokens * l.Cols}, {&gateUp, l.Tokens * l.Rows}} {
			if *of.to, err = b.values(rng, of.n); err != nil {
				return err
			}
		}
		values, operations = values+l.Cols, operations+normOperations*l.Tokens*l.Cols
		norm := kernels.Norm{X: x, Gain: gain, Eps: 1e-5}
		switch in {
		case normed:
			bias = gpu.Range{}
		case normedBias:
			values, operations = values+l.Rows, operations+l.Tokens*l.Rows
		}
		record = func(r *gpu.Recording, w kernels.Weight) { kernels.NormMatMul(r, norm, w, bias, h, y, l.Tokens) }
		if in == normedGated {
			values, operations = values-l.Tokens*l.Rows/2, operations+gateOperations*l.Tokens*l.Rows/2
			record = func(r *gpu.Recording, w kernels.Weight) {
				kernels.NormSwiGLU(r, norm, w, gpu.Range{}, h, gateUp, y, l.Tokens)
			}
		}
	}
	l.Bytes, l.Operations = int64(size)+4*int64(values), int64(operations)
	return l.time(ctx, b, func(r *gpu.Recording, i int) { record(r, turns[i%len(turns)]) })
}

// time measures the calls of a row, of which Bytes and Operations are one's.
func (l *Linear) time(ctx context.Context, b *bed, record func(r *gpu.Recording, i int)) error {
	if err := b.warm(ctx); err != nil {
		return err
	}
	took, err := b.measure(ctx, record)
	if err != nil {
		return err
	}
	calls := int64(l.Calls)
	l.US, l.Bytes, l.Operations = us(took)*float64(calls), l.Bytes*calls, l.Operations*calls
	return nil
}

// values is a buffer of n random ones.
func (b *bed) values(rng *rand.Rand, n int) (gpu.Range, error) {
	made, err := b.buffer(4 * n)
	if err != nil {
		return gpu.Range{}, err
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(rng.NormFloat64())
	}
	return gpu.All(made), b.dev.Write(made, 0, bytesOf(values))
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
