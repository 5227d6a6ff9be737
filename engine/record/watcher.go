package record

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/kernels/simd"
	"tokenselect/engine/selection"
)

// Watcher is a selector that also keeps a copy of what each layer of a step asked,
// to be read after the step. It changes nothing of what is computed.
type Watcher struct {
	*selection.Selector
	dev     gpu.Device
	shape   selection.Shape
	votes   bool
	queries *gpu.Buffer   // [layers][heads*d], of each step the last token's
	scores  []*gpu.Buffer // of each layer, [heads][candidates]; none unless votes are wanted
	asked   []kernels.Query
	got     []kernels.Selection
	raw     []byte // of the keys of a layer that are being read
}

// Watch makes a watcher of a selector, which stays its owner's. With votes the
// scores that they are made of are kept too.
func Watch(dev gpu.Device, sel *selection.Selector, s selection.Shape, votes bool) (*Watcher, error) {
	w := &Watcher{Selector: sel, dev: dev, shape: s, votes: votes, scores: make([]*gpu.Buffer, s.Layers),
		asked: make([]kernels.Query, s.Layers), got: make([]kernels.Selection, s.Layers)}
	var err error
	if w.queries, err = dev.NewBuffer("queries to be read", queryBytes(s)); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return w, nil
}

// Bytes is the device memory that a watcher of a selector with that policy takes for a
// cache of rows rows.
func Bytes(cfg selection.Config, s selection.Shape, rows int, votes bool) int64 {
	sum := int64(queryBytes(s))
	if votes && selection.Scored(cfg, s) {
		for i := range s.Layers {
			if s.Window(i) == 0 {
				sum += int64(scoreBytes(s, rows))
			}
		}
	}
	return sum
}

func queryBytes(s selection.Shape) int           { return 4 * s.Layers * s.Heads * s.HeadDim }
func scoreBytes(s selection.Shape, rows int) int { return 4 * s.Heads * rows }

func (w *Watcher) width() int { return w.shape.Heads * w.shape.HeadDim }

// Reserve prepares for a cache of rows rows.
func (w *Watcher) Reserve(rows int, table gpu.Range) error {
	if err := w.Selector.Reserve(rows, table); err != nil {
		return err
	}
	if scores, _ := w.Selector.Scores(); !w.votes || scores == nil {
		return nil
	}
	size := scoreBytes(w.shape, rows)
	for i, b := range w.scores {
		if w.shape.Window(i) > 0 || b != nil && b.Size >= size {
			continue
		}
		made, err := w.dev.NewBuffer("scores to be read", size)
		if err != nil {
			return fmt.Errorf("record: scores of %d rows: %w", rows, err)
		}
		if b != nil {
			w.dev.Free(b)
		}
		w.scores[i] = made
	}
	return nil
}

// Select records copies of the query and of the scores around what the selector
// records. Scores are shared by the layers, and the next one's replace them.
func (w *Watcher) Select(r *gpu.Recording, q kernels.Query) kernels.Selection {
	bytes := 4 * w.width()
	r.Copy(w.queries, q.Layer*bytes, q.QKV.Buffer, q.QKV.Offset+4*(q.C-1)*q.Stride, bytes)
	s := w.Selector.Select(r, q)
	if scores, n := w.Selector.Scores(); w.scores[q.Layer] != nil && s.UseMid {
		r.Copy(w.scores[q.Layer], 0, scores, 0, 4*w.shape.Heads*n)
	}
	w.asked[q.Layer], w.got[q.Layer] = q, s
	return s
}

// Step is what a layer did in the last step.
type Step struct {
	Query  []float32 // [heads][d] of the step's last token, before RoPE
	Keys   []float32 // [n][kvHeads][d], likewise, the token's own the last; nil unless asked for
	N, C   int       // rows with the step's own, and those
	Chosen selection.Chosen
	Lists  []List

	Scores []float32 // [heads][candidates], where rows were selected anew and votes are wanted
	Lo     int       // the first candidate's row
	places bool      // positions are those in the list, for all heads
	window int       // rows that the layer can attend to, its own the last; 0: all
}

// List is the rows that were attended to by some heads that follow each other: all,
// those of a key head or one.
type List struct {
	Rows []int // ascending
	Mid  []int // of them, those that were selected
}

// Look reads the last step back and calls f with each layer. The keys, read where
// they are wanted, are good until f returns.
func (w *Watcher) Look(ctx context.Context, keys bool, f func(layer int, s *Step)) error {
	chosen, err := w.Selector.Chosen(ctx)
	if err != nil {
		return err
	}
	raw := make([]byte, w.queries.Size)
	if err := w.dev.Read(ctx, w.queries, 0, raw); err != nil {
		return err
	}
	queries := floats(raw, kernels.CacheF32)
	for i, q := range w.asked {
		if q.N == 0 {
			return fmt.Errorf("record: no step has been watched yet")
		}
		got := w.got[i]
		s := &Step{Query: queries[i*w.width():][:w.width()], N: q.N, C: q.C, Chosen: chosen[i], Lists: lists(got, chosen[i], q.N, q.C),
			Lo: got.NInit, places: got.Lists.N == 0 && got.Table.Buffer == nil, window: got.Sliding}
		if w.scores[i] != nil && got.UseMid && !chosen[i].Hit {
			raw := make([]byte, 4*w.shape.Heads*(q.N-q.C-got.NLocal-got.NInit))
			if err := w.dev.Read(ctx, w.scores[i], 0, raw); err != nil {
				return err
			}
			s.Scores = floats(raw, kernels.CacheF32)
		}
		if keys {
			if s.Keys, err = w.keys(ctx, q); err != nil {
				return err
			}
		}
		f(i, s)
	}
	return nil
}

// keys reads the keys of a layer. They are read anew with each step: a sequence may
// have been cut and gone on otherwise, and to keep those of all layers would take
// as much memory again as the cache.
func (w *Watcher) keys(ctx context.Context, q kernels.Query) ([]float32, error) {
	size := q.N * w.shape.KVHeads * w.shape.HeadDim * q.Cache.Bytes()
	if cap(w.raw) < size {
		w.raw = make([]byte, size+size/8)
	}
	if err := w.dev.Read(ctx, q.Keys.Buffer, q.Keys.Offset, w.raw[:size]); err != nil {
		return nil, err
	}
	return floats(w.raw[:size], q.Cache), nil
}

// lists is what a selection of a step over n rows, c of them its own, came to.
func lists(s kernels.Selection, chosen selection.Chosen, n, c int) []List {
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
		all = append(all, List{Rows(attended, rows, n, c), rows})
	}
	return all
}

// floats is what is stored in raw.
func floats(raw []byte, t kernels.CacheType) []float32 {
	values := make([]float32, len(raw)/t.Bytes())
	if t == kernels.CacheF32 {
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		return values
	}
	const piece = 4096
	var halves [piece]uint16
	for at := 0; at < len(values); at += piece {
		n := min(piece, len(values)-at)
		for i := range n {
			halves[i] = binary.LittleEndian.Uint16(raw[2*(at+i):])
		}
		simd.F16ToF32(values[at:at+n], halves[:n])
	}
	return values
}

// Close frees the watcher's memory. The selector stays.
func (w *Watcher) Close() {
	w.dev.Free(w.queries)
	for _, b := range w.scores {
		if b != nil {
			w.dev.Free(b)
		}
	}
}
