package model

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/kvcache"
)

// Sequence is one text going through a model: its cache and the memory that a
// step works in. It is not safe for concurrent use.
type Sequence struct {
	m       *Model
	cache   *kvcache.Cache
	sel     Selector
	chunk   int  // tokens of a step at most
	split   bool // cut attention's list into parts: a real GPU has more processors than a chunk has workgroups
	indexed bool // the cache has an index of the keys
	table   *gpu.Buffer
	rec     gpu.Recording
	submit  func(r *gpu.Recording) error // the device's, unless somebody measures

	// Activations, a row a token of the step.
	ids    *gpu.Buffer // [chunk] u32; the sampled token comes back in the first
	x      *gpu.Buffer // [chunk][hidden], the residual stream
	h      *gpu.Buffer // [chunk][hidden], normalised
	qkv    *gpu.Buffer // [chunk][(heads + 2 kvHeads) d]
	q      *gpu.Buffer // [chunk][heads][d], rotated
	att    *gpu.Buffer // [chunk][heads d]
	part   *gpu.Buffer // of split attention
	gateUp *gpu.Buffer // [chunk][2 feedForward]
	ff     *gpu.Buffer // [chunk][feedForward]
	logits *gpu.Buffer // [vocab]
	picks  *gpu.Buffer // [MaxAhead] u32, the tokens of FeedAhead

	// The mean row of qkv of the sequence's first step, of each layer at multiples
	// of 256 bytes: what the keys of an index are stored less. Keys differ from
	// each other by much less than from zero.
	centre *gpu.Buffer
}

// MaxAhead is the number of steps that FeedAhead takes at most.
const MaxAhead = 16

// sizes are the activations and their bytes for steps of chunk tokens.
func (s *Sequence) sizes(chunk int) map[**gpu.Buffer]int {
	c := s.m.Config
	row := 4 * chunk
	sizes := map[**gpu.Buffer]int{
		&s.ids: row, &s.x: row * c.Hidden, &s.h: row * c.Hidden,
		&s.qkv: row * s.m.qkvWidth(), &s.q: row * c.Heads * c.HeadDim, &s.att: row * c.Heads * c.HeadDim,
		&s.part: 4 * s.partWords(chunk), &s.gateUp: row * 2 * c.FeedForward, &s.ff: row * c.FeedForward,
		&s.logits: 4 * c.Vocab, &s.picks: 4 * MaxAhead,
	}
	if s.indexed {
		sizes[&s.centre] = c.Layers * s.m.centreBytes()
	}
	return sizes
}

// centreBytes is the size of a layer's part of Sequence.centre.
func (m *Model) centreBytes() int { return (4*m.qkvWidth() + 255) &^ 255 }

func (s *Sequence) centreOf(layer int) gpu.Range {
	return gpu.Range{Buffer: s.centre, Offset: layer * s.m.centreBytes(), Size: 4 * s.m.qkvWidth()}
}

// partWords is the size of the parts of attention for steps of up to chunk
// tokens.
func (s *Sequence) partWords(chunk int) int {
	c := s.m.Config
	words := kernels.PartWords(c.Heads, c.KVHeads, c.HeadDim)
	for n := 2; s.split && n <= chunk; n++ {
		const longest = 1 << 30 // list
		words = max(words, kernels.ChunkPartWords(n, c.Heads, c.HeadDim, kernels.ChunkSplits(n, c.Heads, c.KVHeads, longest)))
	}
	return words
}

func (m *Model) qkvWidth() int { return (m.Config.Heads + 2*m.Config.KVHeads) * m.Config.HeadDim }

// WorkBytes is the device memory that a sequence takes besides its cache, its
// selector and the rotary table, for steps of chunk tokens on a device of kind k, and
// the largest buffer of it.
func (m *Model) WorkBytes(chunk int, k gpu.Kind, index kernels.IndexType) (sum, largest int64) {
	s := Sequence{m: m, split: k.Real(), indexed: index != kernels.IndexNone}
	for _, size := range s.sizes(chunk) {
		sum, largest = sum+int64(size), max(largest, int64(size))
	}
	return sum, largest
}

// TableBytes is the size of a rotary table of so many positions.
func (m *Model) TableBytes(positions int) int64 { return int64(positions) * int64(4*m.Config.HeadDim) }

// NewSequence makes an empty sequence of at most context tokens, fed at most
// chunk tokens a step, whose cache is stored as t, with an index of its keys.
func (m *Model) NewSequence(context, chunk int, t kernels.CacheType, index kernels.IndexType, sel Selector) (*Sequence, error) {
	cache, err := kvcache.New(m.dev, m.CacheShape(t, index), context)
	if err != nil {
		return nil, err
	}
	s := &Sequence{m: m, cache: cache, sel: sel, chunk: chunk, split: m.dev.Info().Kind.Real(), indexed: index != kernels.IndexNone, submit: m.dev.Submit}
	for b, size := range s.sizes(chunk) {
		if *b, err = m.dev.NewBuffer("activations", size); err != nil {
			s.Close()
			return nil, fmt.Errorf("model: activations of %d tokens: %w", chunk, err)
		}
	}
	return s, nil
}

// Cache is the sequence's cache.
func (s *Sequence) Cache() *kvcache.Cache { return s.cache }

// SetSelector changes what chooses rows from the next step on.
func (s *Sequence) SetSelector(sel Selector) error {
	s.sel = sel
	return s.prepare(s.cache.Cap())
}

// SetSubmit has steps go through f, which does what the device's Submit does, from
// the next one on; nil: through that itself.
func (s *Sequence) SetSubmit(f func(r *gpu.Recording) error) {
	if s.submit = f; f == nil {
		s.submit = s.m.dev.Submit
	}
}

// reserve makes room for rows rows.
func (s *Sequence) reserve(rows int) error {
	before := s.cache.Cap()
	if err := s.cache.Reserve(rows); err != nil {
		return err
	}
	if s.cache.Cap() == before && s.table != nil {
		return nil
	}
	return s.prepare(s.cache.Cap())
}

// prepare fits the rotary table and the selector to a cache of rows rows.
func (s *Sequence) prepare(rows int) error {
	c := s.m.Config
	positions := s.sel.Positions(rows)
	if size := positions * c.HeadDim * 4; s.table == nil || s.table.Size < size {
		table, err := s.m.dev.NewBuffer("rotary table", max(size, 4*c.HeadDim))
		if err != nil {
			return fmt.Errorf("model: rotary table of %d positions: %w", positions, err)
		}
		if err := s.m.dev.Write(table, 0, asBytes(kernels.RopeTable(c.InvFreq(), positions, c.RopeAttention()))); err != nil {
			s.m.dev.Free(table)
			return fmt.Errorf("model: rotary table: %w", err)
		}
		if s.table != nil {
			s.m.dev.Free(s.table)
		}
		s.table = table
	}
	return s.sel.Reserve(rows, gpu.All(s.table))
}

// Feed runs one step over ids: a chunk of a prompt, or one token. With logits,
// those of the last token can be read afterwards and its most likely successor
// is in place for FeedSampled.
func (s *Sequence) Feed(ids []int, logits bool) error {
	if len(ids) == 0 || len(ids) > s.chunk {
		return fmt.Errorf("model: step of %d tokens, expected 1 to %d", len(ids), s.chunk)
	}
	raw := make([]byte, 4*len(ids))
	for i, id := range ids {
		if id < 0 || id >= s.m.Config.Vocab {
			return fmt.Errorf("model: token id %d, expected 0 to %d", id, s.m.Config.Vocab-1)
		}
		binary.LittleEndian.PutUint32(raw[4*i:], uint32(id))
	}
	if err := s.reserve(s.cache.Len() + len(ids)); err != nil {
		return err
	}
	if err := s.m.dev.Write(s.ids, 0, raw); err != nil {
		return err
	}
	return s.step(len(ids), logits)
}

// FeedSampled runs one step over the token that the step before it found most
// likely, without the token passing through the host.
func (s *Sequence) FeedSampled() error {
	if err := s.reserve(s.cache.Len() + 1); err != nil {
		return err
	}
	return s.step(1, true)
}

// FeedAhead submits n steps at once, each over the token that the one before it found
// most likely, and does not wait for what they find. On an error none of them counts.
func (s *Sequence) FeedAhead(n int) (Found, error) {
	if n < 1 || n > MaxAhead {
		return nil, fmt.Errorf("model: %d steps ahead, expected 1 to %d", n, MaxAhead)
	}
	before := s.cache.Len()
	// All of it first: growing waits for the device.
	if err := s.reserve(before + n); err != nil {
		return nil, err
	}
	s.rec.Reset()
	for i := range n {
		s.record(1, true, i)
		s.cache.Append(1)
	}
	if err := s.submit(&s.rec); err != nil {
		s.cache.Truncate(before)
		return nil, err
	}
	found, err := s.found(s.picks, n)
	if err != nil {
		s.cache.Truncate(before)
	}
	return found, err
}

// Found waits for steps that have been submitted, but for none after them, and
// returns the most likely token after each. It is called once; with a ctx that has
// ended it does not wait and only gives back what it takes up.
type Found func(ctx context.Context) ([]int, error)

// found begins to read n tokens.
func (s *Sequence) found(b *gpu.Buffer, n int) (Found, error) {
	pending, err := s.m.dev.BeginRead(b, 0, 4*n)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]int, error) {
		raw, err := pending(ctx)
		if err != nil {
			return nil, err
		}
		ids := make([]int, n)
		for i := range ids {
			ids[i] = int(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		return ids, nil
	}, nil
}

// Done is for the step that has just been submitted: what it returns waits for that,
// but for no later one.
func (s *Sequence) Done() (Found, error) { return s.found(s.ids, 1) }

// Sampled waits for the device and returns the most likely next token.
func (s *Sequence) Sampled(ctx context.Context) (int, error) {
	var id [4]byte
	if err := s.m.dev.Read(ctx, s.ids, 0, id[:]); err != nil {
		return 0, err
	}
	return int(binary.LittleEndian.Uint32(id[:])), nil
}

// Logits waits for the device and reads the logits of the last token into dst,
// which has a value for each token of the vocabulary.
func (s *Sequence) Logits(ctx context.Context, dst []float32) error {
	if len(dst) != s.m.Config.Vocab {
		return fmt.Errorf("model: logits into %d values, expected %d", len(dst), s.m.Config.Vocab)
	}
	if err := s.m.dev.Read(ctx, s.logits, 0, asBytes(dst)); err != nil {
		return err
	}
	for i, v := range dst {
		if math.IsNaN(float64(v)) {
			return fmt.Errorf("model: logit of token %d is not a number: the weights or the device are faulty", i)
		}
	}
	return nil
}

// Close frees the sequence's memory.
func (s *Sequence) Close() {
	s.cache.Close()
	for b := range s.sizes(s.chunk) {
		if *b != nil {
			s.m.dev.Free(*b)
			*b = nil
		}
	}
	if s.table != nil {
		s.m.dev.Free(s.table)
		s.table = nil
	}
}
