package selection

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// Shape is what a selector needs to know of the model.
type Shape struct {
	Layers  int
	Heads   int
	KVHeads int
	HeadDim int
	InvFreq []float32 // angles of a position, of the HeadDim/2 pairs: for policies that change them

	RopeScale float32 // what the rotary table's cosines and sines are multiplied by (YaRN); 0: 1
	Windows   []int   // [Layers] tokens that a layer attends to at most (sliding window), 0: all; nil: all layers attend to all
}

// Window is the sliding window of a layer, 0: none.
func (s Shape) Window(layer int) int {
	if s.Windows == nil {
		return 0
	}
	return s.Windows[layer]
}

func (s Shape) ropeScale() float32 {
	if s.RopeScale == 0 {
		return 1
	}
	return s.RopeScale
}

// Positions is the number of positions that attention over a cache of rows rows
// can ask of the rotary table, with a policy and budgets.
func (s Shape) Positions(cfg Config, rows int) int {
	n := cfg.Positions(rows)
	for layer := range s.Windows {
		if w := s.Window(layer); w > 0 {
			n = max(n, min(rows, w-1+cfg.Chunk))
		}
	}
	return n
}

// Selector chooses the rows that each layer attends to, on the device: what it
// decides is never read back within a step. It serves one sequence and is not
// safe for concurrent use.
//
// It has what policies that select share: the Selection Cache and the list of the
// selected rows of each layer. How they are found is its chooser's.
type Selector struct {
	cfg     Config
	shape   Shape
	dev     gpu.Device
	table   gpu.Range // kernels.RopeTable, lent by the sequence
	cpu     bool      // the device is one: it leaves out what no GPU can
	chooser chooser   // nil where the policy selects nothing, or by itself:
	rival   rival     // nil but for those that TokenSelect is compared with
	rows    int       // of the cache that chooser and rival have memory for

	// Of each layer, at multiples of 256 bytes.
	state  *gpu.Buffer // kernels.StateBytes
	sel    *gpu.Buffer // k + nLocal/2 rows: the selection and what slid out of the window since
	anchor *gpu.Buffer // [heads*d], the query of the cached selection
	selAt  int         // bytes from layer to layer of sel
	ancAt  int         // and of anchor

	watch *gpu.Buffer // state and sel as Chosen reads them, in one piece; made when it is first asked

	misses int // selections of decode steps, where no kernel counts them

	last step
}

// buffer is a place for a buffer of so many bytes; 0: there is none.
type buffer struct {
	at    **gpu.Buffer
	bytes int
}

// step is what the selector was asked last, for Chosen.
type step struct {
	n, c      int // rows and queries
	local     int // rows of the window in front of the step's own
	attended  int // rows, unless it was
	selecting bool
}

// New makes the selector of a sequence.
func New(dev gpu.Device, cfg Config, shape Shape) (*Selector, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := cfg.fits(shape); err != nil {
		return nil, err
	}
	s := newSelector(cfg, shape, dev.Info().Kind)
	if full && s.rival != nil && slices.Max(append(shape.Windows, 0)) > 0 {
		return nil, fmt.Errorf("selection: policy %s is not for models whose layers have a sliding window", cfg.Policy)
	}
	s.dev = dev
	err := s.make(s.memory()...)
	if err == nil {
		err = s.Reset()
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// newSelector is a selector without memory, for a device of kind k.
func newSelector(cfg Config, shape Shape, k gpu.Kind) *Selector {
	s := &Selector{cfg: cfg, shape: shape, cpu: k == gpu.CPU}
	s.selAt, s.ancAt = align(4*max(1, cfg.K+cfg.slide())), align(4*s.width())
	s.chooser, s.rival = newChooser(s), newRival(s)
	return s
}

// memory is the buffers of all layers, with their bytes.
func (s *Selector) memory() []buffer {
	sizes := []buffer{{&s.state, s.shape.Layers * kernels.StateBytes}, {&s.sel, s.shape.Layers * s.selAt}}
	if s.chooser == nil || !s.cfg.caches() {
		return sizes
	}
	return append(sizes, buffer{&s.anchor, s.shape.Layers * s.ancAt})
}

// align rounds bytes up to where a range may start.
func align(bytes int) int { return (bytes + 255) &^ 255 }

func (s *Selector) width() int { return s.shape.Heads * s.shape.HeadDim }

func (s *Selector) make(sizes ...buffer) error {
	for _, b := range sizes {
		if b.bytes == 0 {
			continue
		}
		made, err := s.dev.NewBuffer("selection", b.bytes)
		if err != nil {
			return fmt.Errorf("selection: %d bytes: %w", b.bytes, err)
		}
		*b.at = made
	}
	return nil
}

// Config is what the selector was made with.
func (s *Selector) Config() Config { return s.cfg }

// Bytes is the device memory that a selector takes for a cache of rows rows, on a
// device of kind k.
func Bytes(cfg Config, shape Shape, rows int, k gpu.Kind) int64 {
	s, sum := newSelector(cfg, shape, k), int64(0)
	if s.chooser == nil && s.rival == nil {
		return 0
	}
	for _, b := range append(s.memory(), s.sized(rows)...) {
		sum += int64(b.bytes)
	}
	return sum
}

// Positions is Shape.Positions.
func (s *Selector) Positions(rows int) int { return s.shape.Positions(s.cfg, rows) }

// Reserve prepares for a cache of rows rows and takes the rotary table, which
// holds Positions(rows) rows.
func (s *Selector) Reserve(rows int, table gpu.Range) error {
	s.table = table
	if rows <= s.rows {
		return nil
	}
	sizes := s.sized(rows)
	if full && s.rival != nil && s.rows > 0 {
		return s.grow(sizes, rows)
	}
	s.free(sizes...)
	s.rows = 0
	if err := s.make(sizes...); err != nil {
		return err
	}
	s.rows = rows
	return nil
}

// sized is the buffers of the policy for a cache of rows rows, with their bytes.
func (s *Selector) sized(rows int) []buffer {
	if s.chooser != nil {
		return s.chooser.memory(rows)
	}
	if full && s.rival != nil {
		return s.rivalMemory(rows)
	}
	return nil
}

// Select records what finds the rows that q attends to, and returns where they
// will be. Candidates are the rows between the first nInit and the nLocal before
// the step's own (the paper counts a chunk inside nLocal, which leaves its first
// query without recent text). While no more than k are candidates, all rows are
// attended to at true positions.
//
// A layer with a sliding window selects nothing, whatever the policy: it has learned
// to read the last tokens, at their true distances, and gets those.
func (s *Selector) Select(r *gpu.Recording, q kernels.Query) kernels.Selection {
	if w := s.shape.Window(q.Layer); w > 0 {
		return s.slideOver(q, w)
	}
	local := s.cfg.local(q.C)
	lo, hi := s.cfg.NInit, q.N-q.C-local
	out := kernels.Selection{Sel: s.layer(s.sel, s.selAt, q.Layer), State: s.layer(s.state, kernels.StateBytes, q.Layer)}
	s.last = step{n: q.N, c: q.C, local: local}
	switch {
	case full && s.rival != nil:
		s.last.attended = q.N
		return s.attend(r, q, out)
	case s.cfg.Policy == Dense || hi-lo <= s.cfg.K:
		out.Attended, s.last.attended = kernels.Attended{NLocal: q.N - q.C}, q.N
		return out
	case s.cfg.Policy == Window:
		out.Attended = kernels.Attended{NInit: s.cfg.NInit, NLocal: s.cfg.Recent()}
		s.last.attended = s.cfg.NInit + s.cfg.Recent() + q.C
		return out
	}
	s.last.selecting = true
	out.Attended = kernels.Attended{NInit: s.cfg.NInit, NLocal: local, UseMid: true, MaxMid: s.cfg.K}
	if s.cfg.caches() {
		kernels.SelectionCache(r, q.QKV, s.layer(s.anchor, s.ancAt, q.Layer), out.State, out.Sel, kernels.SelectionCacheParams{C: uint32(q.C),
			Width: uint32(s.width()), NSelect: uint32(s.cfg.K), Hi: uint32(hi), Slide: uint32(s.cfg.slide()), Theta: float32(s.cfg.Theta)})
		if q.C == 1 {
			out.MaxMid += s.cfg.slide()
		}
	} else if q.C == 1 {
		s.misses++
	}
	s.chooser.choose(r, q, out, lo, hi-lo)
	return out
}

// slideOver is what a layer with a window of w tokens attends to: of each query the
// last w rows up to its own, which stand as far from it as in the text.
func (s *Selector) slideOver(q kernels.Query, w int) kernels.Selection {
	if q.Layer == 0 { // what the layers after it do not say
		s.last = step{n: q.N, c: q.C, attended: q.N}
	}
	return kernels.Selection{
		Attended: kernels.Attended{NLocal: min(q.N-q.C, w-1), Sliding: w},
		Sel:      s.layer(s.sel, s.selAt, q.Layer), State: s.layer(s.state, kernels.StateBytes, q.Layer),
	}
}

func (s *Selector) layer(b *gpu.Buffer, bytes, i int) gpu.Range {
	return gpu.Range{Buffer: b, Offset: i * bytes, Size: bytes}
}

// Scores is where the scores of the step's candidates are once a layer's selection
// has been recorded, [heads][n] from the first candidate on, until the next
// layer's take their place: for those who look at votes. Nil where the policy has
// none of TokenSelect's kind.
func (s *Selector) Scores() (b *gpu.Buffer, n int) {
	return s.scoreBuffer(), s.last.n - s.last.c - s.last.local - s.cfg.NInit
}

// Scored tells whether a policy has such scores.
func Scored(cfg Config, shape Shape) bool {
	s := newSelector(cfg, shape, gpu.CPU)
	return s.scored()
}

// Reset empties the Selection Cache: for a sequence whose rows have changed
// under it.
func (s *Selector) Reset() error {
	s.misses = 0
	state := make([]byte, s.state.Size)
	if !s.cfg.caches() { // then every step has k rows, and no kernel says so
		for i := range s.shape.Layers {
			kernels.PutMid(state[i*kernels.StateBytes:], s.cfg.K)
		}
	}
	return s.dev.Write(s.state, 0, state)
}

// Chosen is what a layer's last step attended to between the first tokens and
// the local window.
type Chosen struct {
	Rows     []int   // in order; nil where the step attended to everything or selects nothing
	Attended int     // rows attended to in all
	Sliding  bool    // the layer has a sliding window: those rows are the last ones, the first not among them
	Hit      bool    // the selection was reused
	Cosine   float32 // of the query and the cached one, where one was cached
	Lists    [][]int // the rows of each list, where heads have lists of their own
}

// Chosen reads back what the last step chose, for every layer. It waits for the
// device: for traces and tests, not for the way of a token.
func (s *Selector) Chosen(ctx context.Context) ([]Chosen, error) {
	chosen, err := s.chosen(ctx)
	for i := range chosen {
		if w := s.shape.Window(i); w > 0 {
			chosen[i] = Chosen{Attended: min(s.last.n, w), Sliding: true} // by the last of a chunk's tokens
		}
	}
	return chosen, err
}

func (s *Selector) chosen(ctx context.Context) ([]Chosen, error) {
	chosen := make([]Chosen, s.shape.Layers)
	if !s.last.selecting {
		for i := range chosen {
			chosen[i].Attended = s.last.attended
		}
		return chosen, nil
	}
	if full && s.rival != nil {
		return s.rivalChosen(ctx)
	}
	words, err := s.watched(ctx)
	if err != nil {
		return nil, err
	}
	state, sel := words[:s.state.Size/4], words[s.state.Size/4:]
	for i := range chosen {
		st := kernels.DecodeState(state[i*kernels.StateBytes/4:])
		rows := make([]int, st.Mid)
		for j := range rows {
			rows[j] = int(sel[i*s.selAt/4+j])
		}
		chosen[i] = Chosen{Rows: rows, Attended: s.cfg.NInit + st.Mid + s.last.local + s.last.c, Hit: st.Hit, Cosine: st.Cosine}
	}
	return chosen, nil
}

// watched reads state and sel in one piece: where every read is a round trip to
// the device, and across the border of WebAssembly, one is half of two.
func (s *Selector) watched(ctx context.Context) ([]uint32, error) {
	if s.watch == nil {
		if err := s.make(buffer{&s.watch, s.state.Size + s.sel.Size}); err != nil {
			return nil, err
		}
	}
	var r gpu.Recording
	r.Copy(s.watch, 0, s.state, 0, s.state.Size)
	r.Copy(s.watch, s.state.Size, s.sel, 0, s.sel.Size)
	if err := s.dev.Submit(&r); err != nil {
		return nil, err
	}
	return s.words(ctx, s.watch)
}

// Hits is the number of times that a layer of a decode step reused a selection,
// and of times that one selected anew, since the selector was made or Reset. It
// waits for the device.
func (s *Selector) Hits(ctx context.Context) (hits, misses int, err error) {
	if !s.cfg.caches() {
		return 0, s.misses, nil
	}
	state, err := s.words(ctx, s.state)
	for i := 0; err == nil && i < s.shape.Layers; i++ {
		st := kernels.DecodeState(state[i*kernels.StateBytes/4:])
		hits, misses = hits+st.Hits, misses+st.Misses
	}
	return hits, misses, err
}

func (s *Selector) words(ctx context.Context, b *gpu.Buffer) ([]uint32, error) {
	raw := make([]byte, b.Size)
	if err := s.dev.Read(ctx, b, 0, raw); err != nil {
		return nil, err
	}
	words := make([]uint32, len(raw)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return words, nil
}

// free frees some buffers.
func (s *Selector) free(of ...buffer) {
	for _, b := range of {
		if *b.at != nil {
			s.dev.Free(*b.at)
			*b.at = nil
		}
	}
}

// Close frees the selector's memory.
func (s *Selector) Close() {
	s.free(s.memory()...)
	s.free(buffer{at: &s.watch})
	s.free(s.sized(s.rows)...)
	s.rows = 0
}
