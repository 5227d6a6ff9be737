// Package layer measures parts of a model by themselves, against the ceilings of
// the device that they run on: selection and attention of one layer of the shape
// of a known model over a synthetic cache, kernel by kernel, and products with
// random weights.
package layer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
	"unsafe"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// Shape is the attention of a model.
type Shape struct {
	Model   string `json:"model"`
	Heads   int    `json:"heads"`
	KVHeads int    `json:"kv_heads"`
	D       int    `json:"head_dim"`
}

func (s Shape) String() string { return fmt.Sprintf("%s (%d/%d/%d)", s.Model, s.Heads, s.KVHeads, s.D) }

// Shapes are those that are measured by default.
var Shapes = []Shape{{"Llama-3-8B", 32, 8, 128}, {"Qwen2.5-1.5B", 12, 2, 128}, {"SmolLM2-135M", 9, 3, 64}, {"needle-16m", 8, 2, 64}}

// stride is the values of a row of a step: queries, keys and values.
func (s Shape) stride() int { return (s.Heads + 2*s.KVHeads) * s.D }

// rowBytes is what a token's keys, or its values, take in the cache.
func (s Shape) rowBytes(t kernels.CacheType) int { return t.Bytes() * s.KVHeads * s.D }

// cacheShare is the memory that caches take at least, by going round several
// layers: more than processors keep, so that reading them is measured and not
// having read them.
const cacheShare = 256 << 20

// A bed is what attention runs on: several layers with a cache of the same size,
// the first of the buffers that it owns.
type bed struct {
	dev      gpu.Device
	shape    Shape
	cache    kernels.CacheType
	rows     int
	chunk    int
	k, v     []*gpu.Buffer
	qkv      *gpu.Buffer // [chunk][stride], as a step has them
	q        *gpu.Buffer
	y, part  *gpu.Buffer
	table    *gpu.Buffer
	gathered [2]*gpu.Buffer // keys and values, made when they are first asked for
	selector *selection.Selector
	selected kernels.Selection // of the last step that was recorded
	own      []*gpu.Buffer
	index    map[kernels.IndexType][]kernels.Index // of the layers
}

// newBed fills caches of rows rows.
func newBed(dev gpu.Device, s Shape, t kernels.CacheType, rows, chunk int) (*bed, error) {
	b := &bed{dev: dev, shape: s, cache: t, rows: rows, chunk: chunk, index: map[kernels.IndexType][]kernels.Index{}}
	size := rows * s.rowBytes(t)
	layers := min(16, 1+(cacheShare-1)/(2*size))
	if limit := dev.Info().Limits.Binding; size > limit {
		return nil, fmt.Errorf("keys of %d rows are %d bytes, %s binds %d: %w", rows, size, dev.Info().Name, limit, gpu.ErrLimit)
	}
	width := s.Heads * s.D
	rng := rand.New(rand.NewPCG(1, 2))
	data := newNoise(rng, t)
	for range layers {
		for _, to := range []*[]*gpu.Buffer{&b.k, &b.v} {
			made, err := b.buffer(size)
			if err != nil {
				return nil, err
			}
			*to = append(*to, made)
			if err := data.fill(dev, made); err != nil {
				b.close()
				return nil, err
			}
		}
	}
	for _, w := range []struct {
		to   **gpu.Buffer
		size int
	}{{&b.qkv, 4 * chunk * s.stride()}, {&b.q, 4 * chunk * width}, {&b.y, 4 * chunk * width}, {&b.part, 4 * max(kernels.PartWords(s.Heads, s.KVHeads, s.D), kernels.ChunkPartWords(chunk, s.Heads, s.D, b.splits(chunk, rows)))}} {
		made, err := b.buffer(w.size)
		if err != nil {
			return nil, err
		}
		*w.to = made
	}
	queries := make([]float32, chunk*s.stride())
	for i := range queries {
		queries[i] = float32(rng.NormFloat64()) / 2 // votes that are neither flat nor one token's
	}
	if err := dev.Write(b.qkv, 0, bytesOf(queries)); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bed) buffer(size int) (*gpu.Buffer, error) {
	made, err := b.dev.NewBuffer("bench", size)
	if err != nil {
		b.close()
		return nil, err
	}
	b.own = append(b.own, made)
	return made, nil
}

func (b *bed) close() {
	if b.selector != nil {
		b.selector.Close()
	}
	for _, own := range b.own {
		b.dev.Free(own)
	}
	b.own, b.selector = nil, nil
}

// fillIndex makes the key index of every layer, of noise as the keys are.
func (b *bed) fillIndex(t kernels.IndexType) error {
	if t == kernels.IndexNone || b.index[t] != nil {
		return nil
	}
	x := kernels.Index{Type: t, Tile: kernels.IndexTile(b.dev.Info().Kind)}
	heads, rng := x.Rows(b.rows)*b.shape.KVHeads, rand.New(rand.NewPCG(3, uint64(t)))
	// Whole numbers are even over their range: scaled to a variance of one.
	scale := []uint32{math.Float32bits(1.0 / 74)}
	if t == kernels.IndexI4 {
		half := uint32(f16.FromFloat32(1.0 / 4.6))
		scale[0] = half | half<<16
	}
	words := make([]uint32, 1<<20)
	for i := range words {
		words[i] = rng.Uint32()
	}
	for range b.k {
		keys, err := b.filled(t.KeyWords(heads, b.shape.D), words)
		if err != nil {
			return err
		}
		scales, err := b.filled(t.ScaleWords(heads, b.shape.D), slices.Repeat(scale, 1<<20))
		if err != nil {
			return err
		}
		x.Keys, x.Scale = gpu.All(keys), gpu.All(scales)
		b.index[t] = append(b.index[t], x)
	}
	return nil
}

// filled is a buffer of n words that repeats words.
func (b *bed) filled(n int, words []uint32) (*gpu.Buffer, error) {
	made, err := b.buffer(4 * n)
	if err != nil {
		return nil, err
	}
	for at := 0; at < n; at += len(words) {
		if err := b.dev.Write(made, 4*at, bytesOf(words[:min(len(words), n-at)])); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// use changes the policy.
func (b *bed) use(cfg selection.Config) error {
	if b.selector != nil {
		b.selector.Close()
		b.selector = nil
	}
	s, err := selection.New(b.dev, cfg, selection.Shape{Layers: len(b.k), Heads: b.shape.Heads, KVHeads: b.shape.KVHeads, HeadDim: b.shape.D})
	if err != nil {
		return err
	}
	b.selector = s
	if err := b.fillIndex(cfg.Index); err != nil {
		return err
	}
	positions := cfg.Positions(b.rows)
	size := 4 * b.shape.D * positions
	if b.table == nil || b.table.Size < size {
		freq := make([]float32, b.shape.D/2)
		for i := range freq {
			freq[i] = float32(math.Pow(5e5, -float64(2*i)/float64(b.shape.D)))
		}
		if b.table, err = b.buffer(size); err != nil {
			return err
		}
		if err := b.dev.Write(b.table, 0, bytesOf(kernels.RopeTable(freq, positions, 1))); err != nil {
			return err
		}
	}
	return s.Reserve(b.rows, gpu.All(b.table))
}

// record is what layer i computes between its projections for the last c rows:
// the selection and attention.
func (b *bed) record(r *gpu.Recording, i, c int) {
	b.attend(r, b.k[i], b.v[i], b.selection(r, i, b.rows, c), b.rows, c)
}

// selection is what layer i selects for the last c of rows rows.
func (b *bed) selection(r *gpu.Recording, i, rows, c int) kernels.Selection {
	query := kernels.Query{Layer: i, N: rows, C: c, QKV: gpu.All(b.qkv), Stride: b.shape.stride(), Keys: gpu.All(b.k[i]), Cache: b.cache}
	if of := b.index[b.selector.Config().Index]; of != nil {
		query.Index = of[i]
	}
	b.selected = b.selector.Select(r, query)
	return b.selected
}

// attend is attention over what is selected of a cache of rows rows, as the forward
// pass has it.
func (b *bed) attend(r *gpu.Recording, keys, values *gpu.Buffer, sel kernels.Selection, rows, c int) {
	s, stride := b.shape, b.shape.stride()
	qkv, k, v, table, q, y := gpu.All(b.qkv), gpu.All(keys), gpu.All(values), gpu.All(b.table), gpu.All(b.q), gpu.All(b.y)
	switch {
	case sel.Lists.N > 0:
		kernels.AttentionLists(r, b.cache, qkv, k, v, table, y, s.Heads, s.KVHeads, s.D, rows, c, stride, sel.Lists)
	case c == 1:
		kernels.AttentionDecode(r, b.cache, qkv, k, v, sel.Sel, sel.State, table, gpu.All(b.part), y, s.Heads, s.KVHeads, s.D, rows, sel.Attended)
	default:
		kernels.Rope(r, qkv, table, sel.State, q, c, s.Heads, s.D, stride, sel.NInit+sel.NLocal, sel.UseMid)
		kernels.AttentionChunk(r, b.cache, q, k, v, sel.Sel, sel.State, table, gpu.All(b.part), y, s.Heads, s.KVHeads, s.D, rows, c, sel.Attended,
			b.splits(c, sel.NInit+sel.MaxMid+sel.NLocal+c))
	}
}

// splits is as the forward pass has it.
func (b *bed) splits(c, length int) int {
	if !b.dev.Info().Kind.Real() {
		return 1
	}
	return kernels.ChunkSplits(c, b.shape.Heads, b.shape.KVHeads, length)
}

// enough is long enough for clocks that tick every tenth of a millisecond. Tests, which
// hold no time to be right, have less.
var enough = 20 * time.Millisecond

const most = 2000 // calls of one recording

// warm keeps the device busy for a while: one that was idle while its caches and
// tables were made runs slowly at first.
func (b *bed) warm(ctx context.Context) error {
	const while = 300 * time.Millisecond
	if b.dev.Info().Kind == gpu.CPU {
		return nil
	}
	var r gpu.Recording
	vectors := min(b.own[0].Size/16, b.y.Size*1024) // y takes a word for 4096 of them
	for range 20 {
		kernels.CeilingRead(&r, gpu.All(b.own[0]), gpu.All(b.y), vectors)
	}
	for began := time.Now(); time.Since(began) < while; {
		if _, _, err := gpu.Time(ctx, b.dev, &r, b.y); err != nil {
			return err
		}
	}
	return nil
}

// measure is the time of one of the calls that record records, the i-th of
// round: the median of three, each of so many calls that a clock can tell.
func (b *bed) measure(ctx context.Context, record func(r *gpu.Recording, i int)) (time.Duration, error) {
	var r gpu.Recording
	run := func(calls int) (time.Duration, error) {
		r.Reset()
		for i := range calls {
			record(&r, i)
		}
		took, _, err := gpu.Time(ctx, b.dev, &r, b.y)
		return took, err
	}
	calls := 2
	if _, err := run(calls); err != nil { // pipelines are made
		return 0, err
	}
	for {
		took, err := run(calls)
		if err != nil {
			return 0, err
		}
		if took >= enough || calls == most {
			break
		}
		calls = min(most, max(2*calls, int(float64(calls)*1.2*float64(enough)/float64(max(took, 1)))))
	}
	var three [3]time.Duration
	for i := range three {
		took, err := run(calls)
		if err != nil {
			return 0, err
		}
		three[i] = took / time.Duration(calls)
	}
	a, c, d := three[0], three[1], three[2]
	return max(min(a, c), min(max(a, c), d)), nil
}

// noise is random values to fill caches with.
type noise struct {
	t    kernels.CacheType
	rng  *rand.Rand
	some []uint32 // words of two float16 values, or of one float32
	part []uint32
}

func newNoise(rng *rand.Rand, t kernels.CacheType) *noise {
	n := &noise{t: t, rng: rng, some: make([]uint32, 1<<14), part: make([]uint32, 4<<20)}
	for i := range n.some {
		a, b := float32(rng.NormFloat64()), float32(rng.NormFloat64())
		if n.some[i] = math.Float32bits(a); t == kernels.CacheF16 {
			n.some[i] = uint32(f16.FromFloat32(a)) | uint32(f16.FromFloat32(b))<<16
		}
	}
	return n
}

// fill writes words drawn from some, of which no two rows have the same.
func (n *noise) fill(dev gpu.Device, b *gpu.Buffer) error {
	for at := 0; at < b.Size; {
		part := n.part[:min(len(n.part), (b.Size-at)/4)]
		for i := 0; i < len(part); {
			bits := n.rng.Uint64()
			for range 4 {
				if i < len(part) {
					part[i] = n.some[bits%uint64(len(n.some))]
				}
				bits >>= 14
				i++
			}
		}
		raw := bytesOf(part)
		if err := dev.Write(b, at, raw); err != nil {
			return err
		}
		at += len(raw)
	}
	return nil
}

// bytesOf is the memory of words.
func bytesOf[T float32 | uint32](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
