package layer

import (
	"context"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// Operations on a value.
const (
	normOperations = 4 // squared, added, scaled, multiplied by the gain
	gateOperations = 4 // of gate and up: the exponential, added, divided, multiplied
)

// besides measures what a step runs that has no weights: rms_norm, of which a single
// token goes only through the last by itself, kv_append, and for a token argmax.
func (c LinearConfig) besides(ctx context.Context, dev gpu.Device, m Model, tokens int) ([]Linear, error) {
	norms := 1
	if tokens > 1 {
		norms = 2 * m.Layers
	}
	type part struct {
		name    string
		calls   int
		measure func(*Linear, *bed, *rand.Rand) (func(*gpu.Recording), error)
	}
	parts := []part{{"rms_norm", norms, m.norm}, {"kv_append", m.Layers, func(l *Linear, b *bed, rng *rand.Rand) (func(*gpu.Recording), error) {
		return m.append(l, b, rng, c.Cache)
	}}}
	if tokens == 1 {
		parts = append(parts, part{"argmax", 1, m.argmax})
	}
	var rows []Linear
	for _, x := range parts {
		row, err := c.row(Linear{Model: m.Name, Tokens: tokens, Kernel: Kernel{Name: x.name, Calls: x.calls}}, func(l *Linear) error {
			b := &bed{dev: dev}
			defer b.close()
			record, err := x.measure(l, b, rand.New(rand.NewPCG(7, 8)))
			if err != nil {
				return err
			}
			return l.time(ctx, b, func(r *gpu.Recording, i int) { record(r) })
		})
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (m Model) norm(l *Linear, b *bed, rng *rand.Rand) (func(*gpu.Recording), error) {
	n := l.Tokens * m.Hidden
	x, err := b.values(rng, n)
	if err != nil {
		return nil, err
	}
	gain, err := b.values(rng, m.Hidden)
	if err != nil {
		return nil, err
	}
	if b.y, err = b.buffer(4 * n); err != nil {
		return nil, err
	}
	l.Bytes, l.Operations = 4*int64(2*n+m.Hidden), int64(normOperations*n)
	return func(r *gpu.Recording) { kernels.RMSNorm(r, x, gain, gpu.All(b.y), l.Tokens, m.Hidden, 0, 1e-5) }, nil
}

func (m Model) append(l *Linear, b *bed, rng *rand.Rand, t kernels.CacheType) (func(*gpu.Recording), error) {
	s := Shape{Heads: m.Heads, KVHeads: m.KVHeads, D: m.HeadDim}
	qkv, err := b.values(rng, l.Tokens*s.stride())
	if err != nil {
		return nil, err
	}
	if b.y, err = b.buffer(l.Tokens * s.rowBytes(t)); err != nil {
		return nil, err
	}
	values, err := b.buffer(b.y.Size)
	if err != nil {
		return nil, err
	}
	width := m.KVHeads * m.HeadDim
	l.Bytes = 2 * int64(4*l.Tokens*width+b.y.Size)
	return func(r *gpu.Recording) {
		kernels.KVAppend(r, t, qkv, gpu.All(b.y), gpu.All(values), l.Tokens, s.stride(), m.Heads*m.HeadDim, m.Heads*m.HeadDim+width, width, 0)
	}, nil
}

func (m Model) argmax(l *Linear, b *bed, rng *rand.Rand) (func(*gpu.Recording), error) {
	logits, err := b.values(rng, m.Vocab)
	if err != nil {
		return nil, err
	}
	part, err := b.buffer(4 * kernels.ArgmaxWords(m.Vocab))
	if err != nil {
		return nil, err
	}
	if b.y, err = b.buffer(4); err != nil {
		return nil, err
	}
	l.Bytes = 4 * int64(m.Vocab)
	return func(r *gpu.Recording) { kernels.Argmax(r, logits, gpu.All(part), gpu.All(b.y), m.Vocab) }, nil
}

// embed measures the look-up of any tokens of the vocabulary.
func (l *Linear) embed(ctx context.Context, dev gpu.Device, t kernels.WeightType) error {
	b := &bed{dev: dev}
	defer b.close()
	rng := rand.New(rand.NewPCG(9, 10))
	w, err := b.weight(t, l.Rows, l.Cols, newNoise(rng, kernels.CacheF16))
	if err != nil {
		return err
	}
	ids, err := b.buffer(4 * l.Tokens)
	if err != nil {
		return err
	}
	words := make([]uint32, l.Tokens)
	for i := range words {
		words[i] = uint32(rng.IntN(l.Rows))
	}
	if err := dev.Write(ids, 0, bytesOf(words)); err != nil {
		return err
	}
	if b.y, err = b.buffer(4 * l.Tokens * l.Cols); err != nil {
		return err
	}
	l.Bytes = int64(l.Tokens) * int64(4+4*(t.DataWords(2, l.Cols)+t.ScaleWords(2, l.Cols))/2+4*l.Cols)
	return l.time(ctx, b, func(r *gpu.Recording, i int) { kernels.Embed(r, w, gpu.All(ids), gpu.All(b.y), l.Tokens) })
}
