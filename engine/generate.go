package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tokenselect/engine/kernels"
	"tokenselect/engine/kvcache"
	"tokenselect/engine/model"
	"tokenselect/engine/record"
	"tokenselect/engine/sample"
	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
)

// Session is one text in the model's memory: a prompt, what was generated after
// it, the next prompt. A prompt costs its own tokens only. It is not safe for
// concurrent use.
type Session struct {
	e      *Engine
	seq    *model.Sequence
	sel    *selection.Selector
	rec    *record.Recorder // in the selector's place while steps are recorded; nil: they are not
	timer  *record.Timer    // in the way of steps while kernels are timed; nil: they are not
	logits []float32
	ready  bool // the last step computed logits
}

// Len is the number of tokens in the session.
func (s *Session) Len() int { return s.seq.Cache().Len() }

// Selection is the policy and its budgets.
func (s *Session) Selection() selection.Config { return s.sel.Config() }

// Bytes is the device memory that the cache takes now.
func (s *Session) Bytes() int64 { return s.seq.Cache().Bytes() }

// Prefill feeds a prompt to the model, a chunk at a time and its tail by itself
// (selection.Config.Steps), and calls progress, if not nil, after each with the
// tokens done; by then a GPU may have been given the next. When ctx ends it stops
// between chunks and returns ctx's error; the tokens fed until then stay.
func (s *Session) Prefill(ctx context.Context, ids []int, progress func(done int)) error {
	at := 0
	var last model.Found
	// Each step is waited for, so that a cancelled prefill ends soon and progress is
	// what has been done, not what has been queued; but on a GPU not before the next
	// is there for it to go on with.
	wait := func() error {
		if last == nil {
			return nil
		}
		_, err := last(ctx)
		last = nil
		if err == nil && progress != nil {
			progress(at)
		}
		return err
	}
	ahead := s.e.dev.Info().Kind.Real()
	for _, end := range s.sel.Config().Steps(len(ids)) {
		found, err := s.begin(ctx, ids[at:end], end == len(ids))
		if err != nil {
			drop(last)
			return err
		}
		if err := wait(); err != nil {
			drop(found)
			return err
		}
		last, at = found, end
		if ahead {
			continue
		}
		if err := wait(); err != nil {
			return err
		}
	}
	return wait()
}

// begin submits a step.
func (s *Session) begin(ctx context.Context, ids []int, logits bool) (model.Found, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.feed(ids, logits); err != nil {
		return nil, err
	}
	return s.seq.Done()
}

// ended is a context that has ended.
var ended = func() context.Context {
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}()

// drop is for steps, if any, that are not waited for.
func drop(steps ...model.Found) {
	for _, f := range steps {
		if f != nil {
			f(ended)
		}
	}
}

func (s *Session) feed(ids []int, logits bool) error {
	s.ready = false
	if err := s.seq.Feed(ids, logits); err != nil {
		return err
	}
	s.ready = logits
	return nil
}

// Logits waits for the device and returns the logits of the last token that was
// fed, one for each token of the vocabulary. The slice is reused.
func (s *Session) Logits(ctx context.Context) ([]float32, error) {
	if !s.ready {
		return nil, errors.New("engine: no logits: nothing has been prefilled since the session was made or cut")
	}
	if s.logits == nil {
		s.logits = make([]float32, s.e.model.Config.Vocab)
	}
	return s.logits, s.seq.Logits(ctx, s.logits)
}

// Chosen reads back which rows each layer attended to in the last step.
func (s *Session) Chosen(ctx context.Context) ([]selection.Chosen, error) { return s.sel.Chosen(ctx) }

// Record has what o asks for looked at of each step from now on; nil ends it. A new
// selection ends it too. Until it is asked for nothing is copied or kept.
func (s *Session) Record(o *record.Options) error {
	if err := s.stopRecording(); err != nil || o == nil {
		return err
	}
	rec, err := record.New(s.e.dev, s.sel, SelectionShape(s.e.model.Config), *o)
	if err != nil {
		return err
	}
	if err := s.seq.SetSelector(rec); err != nil {
		rec.Close()
		return errors.Join(err, s.seq.SetSelector(s.sel))
	}
	s.rec = rec
	if o.Timings {
		s.timer = record.NewTimer(s.e.dev)
		s.seq.SetSubmit(s.timer.Submit)
	}
	return nil
}

// stopRecording puts the selector back.
func (s *Session) stopRecording() error {
	if s.rec == nil {
		return nil
	}
	s.rec.Close()
	s.rec, s.timer = nil, nil
	s.seq.SetSubmit(nil)
	return s.seq.SetSelector(s.sel)
}

// Recorded fills in what the layers did in the last step and what its kernels took,
// as far as Record has asked. step has all layers.
func (s *Session) Recorded(ctx context.Context, step *trace.Step) error {
	if s.rec == nil {
		return errors.New("engine: nothing is recorded")
	}
	if s.timer != nil {
		step.Kernels = s.timer.Kernels()
	}
	return s.rec.Step(ctx, step.Layers)
}

// GenerateOptions are those of Generate.
type GenerateOptions struct {
	MaxTokens int // at most so many tokens
	Sample    sample.Options
	History   []int              // tokens that count as seen for the repetition penalty
	Begun     []int              // tokens that the answer begins with, given out before on a device that failed: fed one by one, not emitted again
	Stop      func(id int) bool  // ends the generation with this token; nil: none does
	Emit      func(id int) error // gets each token as it comes, the stop token too; an error ends the generation
	AfterStep func() error       // if not nil, is called after each token has been fed: for traces

	// Ahead is how many steps may be submitted before their tokens are read and
	// emitted: a few, and no more than a GPU takes a moment for. Half of them are
	// read while the GPU computes the other half, so that it never waits for the
	// host. Emit then finds the session further on than the token that it gets. It
	// is for greedy sampling without AfterStep and Constraint and has no effect on
	// others.
	Ahead int

	// Constraint, if not nil, says which tokens may come. It is at the beginning
	// of the answer: what is Begun is told to it.
	Constraint Constraint
}

// Reason is why a generation ended.
type Reason string

// The reasons.
const (
	Stopped     Reason = "stop"    // a stop token
	MaxTokens   Reason = "length"  // MaxTokens were generated
	ContextFull Reason = "context" // the session's context is full
)

// Result is what Generate did.
type Result struct {
	IDs         []int // the tokens, a stop token included
	Reason      Reason
	First       time.Duration // from the call to the first token
	Decode      time.Duration // from the first token to the last
	CacheHits   int           // layers and steps that reused a selection, steps ahead of the end included
	CacheMisses int           // and that selected anew
}

// Generate continues the session's text. Every token but a stop token becomes
// part of the session. When ctx ends it returns what it has with ctx's error;
// the session stays good for another Prefill.
func (s *Session) Generate(ctx context.Context, o GenerateOptions) (Result, error) {
	var res Result
	if !s.ready {
		return res, errors.New("engine: generate: nothing has been prefilled since the session was made or cut")
	}
	if o.MaxTokens < 1 {
		return res, fmt.Errorf("engine: generate: at most %d tokens, expected 1 or more", o.MaxTokens)
	}
	sampler, err := sample.New(o.Sample)
	if err != nil {
		return res, err
	}
	for _, id := range o.History {
		sampler.Saw(id)
	}
	hits, misses, err := s.sel.Hits(ctx)
	if err != nil {
		return res, err
	}
	err = s.generate(ctx, o, sampler, &res)
	if h, m, herr := s.sel.Hits(context.WithoutCancel(ctx)); herr == nil {
		res.CacheHits, res.CacheMisses = h-hits, m-misses
	}
	return res, err
}

func (s *Session) generate(ctx context.Context, o GenerateOptions, sampler *sample.Sampler, res *Result) error {
	began := time.Now()
	var first time.Time
	var queue []int          // tokens that have been read and not been dealt with,
	var flight []model.Found // those that are being computed,
	fed := 0                 // and how many of both are part of the text already
	defer func() {
		drop(flight...)
		if fed > 0 { // more was computed than is wanted
			s.ready = false
			s.seq.Cache().Truncate(s.Len() - fed)
		}
	}()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		again := len(res.IDs) < len(o.Begun)
		var id int
		switch {
		case again:
			id = o.Begun[len(res.IDs)]
			sampler.Took(id)
		case len(queue)+len(flight) > 0:
			if len(queue) == 0 {
				found := flight[0]
				flight = flight[1:]
				var err error
				if queue, err = found(ctx); err != nil {
					return err
				}
			}
			id, queue = queue[0], queue[1:]
		case o.Constraint != nil:
			var err error
			if id, err = s.allowed(ctx, o.Constraint, sampler); err != nil {
				return err
			}
			if id < 0 {
				res.Reason = Stopped
				return nil
			}
		default:
			var err error
			if id, err = s.next(ctx, o.Sample.Greedy(), sampler); err != nil {
				return err
			}
		}
		if o.Constraint != nil {
			if err := o.Constraint.Took(id); err != nil {
				return fmt.Errorf("engine: generate: %w", err)
			}
		}
		res.IDs = append(res.IDs, id)
		if len(res.IDs) == 1 {
			first = time.Now()
			res.First = first.Sub(began)
		}
		res.Decode = time.Since(first)
		if o.Emit != nil && !again {
			if err := o.Emit(id); err != nil {
				return err
			}
		}
		if o.Stop != nil && o.Stop(id) {
			res.Reason = Stopped
			return nil
		}
		if fed == 0 && s.Len() == s.seq.Cache().Max() {
			res.Reason = ContextFull
			return nil
		}
		for n := s.ahead(o, res, fed); n > 0 && !again; n = s.ahead(o, res, fed) {
			s.ready = false
			found, err := s.seq.FeedAhead(n)
			if err != nil {
				return err
			}
			s.ready = true
			flight, fed = append(flight, found), fed+n
		}
		if fed > 0 {
			fed--
		} else if err := s.take(id, o.Sample.Greedy() && o.Constraint == nil && !again); err != nil {
			return err
		}
		if o.AfterStep != nil {
			if err := o.AfterStep(); err != nil {
				return err
			}
		}
		if len(res.IDs) == o.MaxTokens {
			res.Reason = MaxTokens
			return nil
		}
	}
}

// burst is the time that tokens are held back at most to be read together.
var burst = 25 * time.Millisecond

// ahead is how many steps to submit now, of which fed have been submitted already
// beyond the last token that has been dealt with. They come in two batches: while one
// is read, the device has the other.
func (s *Session) ahead(o GenerateOptions, res *Result, fed int) int {
	const timed = 4 // tokens that tell how long one takes
	done := len(res.IDs)
	if o.Ahead < 2 || !o.Sample.Greedy() || o.AfterStep != nil || o.Constraint != nil || done < timed {
		return 0
	}
	took := max(res.Decode/time.Duration(done-1), 1)
	batch := min(o.Ahead/2, model.MaxAhead/2, int(burst/took))
	n := min(batch, o.MaxTokens-done-fed, s.seq.Cache().Max()-s.Len())
	if fed > 0 && (n < batch || fed+n > 2*batch) {
		return 0
	}
	return max(n, 0)
}

// next picks the token after the text.
func (s *Session) next(ctx context.Context, greedy bool, sampler *sample.Sampler) (int, error) {
	if greedy {
		return s.seq.Sampled(ctx)
	}
	logits, err := s.Logits(ctx)
	if err != nil {
		return 0, err
	}
	return sampler.Next(logits), nil
}

// take makes a token part of the text: the one that the device has picked, or id.
func (s *Session) take(id int, picked bool) error {
	if !picked {
		return s.feed([]int{id}, true)
	}
	s.ready = false
	if err := s.seq.FeedSampled(); err != nil {
		return err
	}
	s.ready = true
	return nil
}

// SetSelection changes policy and budgets for the tokens to come. What has been
// read stays read, so that only a session that was made with a key index can
// score from it.
func (s *Session) SetSelection(cfg selection.Config) error {
	if cfg.Chunk > s.sel.Config().Chunk {
		return fmt.Errorf("engine: chunk of %d tokens, expected at most the %d that the session was made with", cfg.Chunk, s.sel.Config().Chunk)
	}
	if has := s.seq.Cache().IndexType(); cfg.Index != kernels.IndexNone && cfg.Index != has {
		return fmt.Errorf("engine: key index of %v, expected %v, which the session was made with", cfg.Index, has)
	}
	if err := s.stopRecording(); err != nil {
		return err
	}
	sel, err := selection.New(s.e.dev, cfg, SelectionShape(s.e.model.Config))
	if err != nil {
		return err
	}
	if err := s.seq.SetSelector(sel); err != nil {
		sel.Close()
		return errors.Join(err, s.seq.SetSelector(s.sel))
	}
	s.sel.Close()
	s.sel = sel
	return nil
}

// Truncate forgets all tokens from n on: to ask something else about the same
// document, or to take back a prompt that was cancelled. The next call must be
// Prefill.
func (s *Session) Truncate(n int) error {
	if n < 0 || n > s.Len() {
		return fmt.Errorf("engine: truncate to %d tokens, expected 0 to %d", n, s.Len())
	}
	s.ready = s.ready && n == s.Len()
	s.seq.Cache().Truncate(n)
	return s.sel.Reset()
}

// Close frees the session's memory.
func (s *Session) Close() {
	s.seq.Close()
	if s.rec != nil {
		s.rec.Close()
	}
	s.sel.Close()
}

// IsFull tells whether err says that the session's context is full.
func IsFull(err error) bool { return errors.Is(err, kvcache.ErrFull) }
