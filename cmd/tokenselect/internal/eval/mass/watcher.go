package mass

import (
	"context"
	"encoding/binary"
	"math"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// Watcher is a selector that also keeps a copy of what each layer of a decode step
// asked, to be read after the step. It changes nothing of what is computed.
type Watcher struct {
	*selection.Selector
	dev     gpu.Device
	shape   Shape
	queries *gpu.Buffer // [layers][heads*d]
	asked   []kernels.Query
	got     []kernels.Selection
	keys    [][]float32 // of each layer, [rows][kvHeads][d]: what has been read so far
}

// Watch makes a watcher of a selector for a model of so many layers.
func Watch(dev gpu.Device, sel *selection.Selector, s Shape, layers int) (*Watcher, error) {
	queries, err := dev.NewBuffer("queries to be read", 4*layers*s.Heads*s.HeadDim)
	if err != nil {
		return nil, err
	}
	return &Watcher{Selector: sel, dev: dev, shape: s, queries: queries, asked: make([]kernels.Query, layers),
		got: make([]kernels.Selection, layers), keys: make([][]float32, layers)}, nil
}

// Select records a copy of the queries and what the selector records.
func (w *Watcher) Select(r *gpu.Recording, q kernels.Query) kernels.Selection {
	if q.C == 1 {
		bytes := 4 * w.shape.Heads * w.shape.HeadDim
		r.Copy(w.queries, q.Layer*bytes, q.QKV.Buffer, q.QKV.Offset, bytes)
	}
	w.asked[q.Layer] = q
	w.got[q.Layer] = w.Selector.Select(r, q)
	return w.got[q.Layer]
}

// Layer is what a layer did in the last step, a decode step.
type Layer struct {
	Query []float32 // [heads][d], before RoPE
	Keys  []float32 // [n][kvHeads][d], likewise; the query's own the last
	N     int
	Lists []List
}

// List is the rows that were attended to by some heads that follow each other: all,
// those of a key head or one.
type List struct {
	Rows []int // ascending
	Mid  []int // of them, those that were selected
}

// Step reads back the last step, which must have been a decode step. Of the keys
// only those are read that were not there at the step before.
func (w *Watcher) Step(ctx context.Context) ([]Layer, error) {
	chosen, err := w.Selector.Chosen(ctx)
	if err != nil {
		return nil, err
	}
	width, row := w.shape.Heads*w.shape.HeadDim, w.shape.KVHeads*w.shape.HeadDim
	raw := make([]byte, w.queries.Size)
	if err := w.dev.Read(ctx, w.queries, 0, raw); err != nil {
		return nil, err
	}
	queries := floats(raw, kernels.CacheF32)
	layers := make([]Layer, len(w.asked))
	for i, q := range w.asked {
		if have := len(w.keys[i]) / row; have < q.N {
			bytes := row * q.Cache.Bytes()
			raw := make([]byte, (q.N-have)*bytes)
			if err := w.dev.Read(ctx, q.Keys.Buffer, q.Keys.Offset+have*bytes, raw); err != nil {
				return nil, err
			}
			w.keys[i] = append(w.keys[i], floats(raw, q.Cache)...)
		}
		layers[i] = Layer{Query: queries[i*width:][:width], Keys: w.keys[i], N: q.N, Lists: lists(w.got[i], chosen[i], q.N)}
	}
	return layers, nil
}

// lists is what a selection of a step over n rows came to.
func lists(s kernels.Selection, chosen selection.Chosen, n int) []List {
	attended, mid := s.Attended, [][]int{chosen.Rows}
	if s.Lists.N > 0 {
		attended = s.Lists.Attended
		if len(chosen.Lists) == s.Lists.N {
			mid = chosen.Lists
		}
	}
	var all []List
	for _, rows := range mid {
		if !attended.UseMid {
			rows = nil
		}
		all = append(all, List{Rows(attended, rows, n), rows})
	}
	return all
}

// floats is what is stored in raw.
func floats(raw []byte, t kernels.CacheType) []float32 {
	values := make([]float32, len(raw)/t.Bytes())
	for i := range values {
		if t == kernels.CacheF32 {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		} else {
			values[i] = f16.ToFloat32(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	}
	return values
}

// Close frees the watcher's memory and the selector's.
func (w *Watcher) Close() {
	w.dev.Free(w.queries)
	w.Selector.Close()
}
