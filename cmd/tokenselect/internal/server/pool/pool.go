// Package pool answers conversations with a model on this machine. It keeps what
// the model has read of earlier ones and continues from the longest beginning
// that a new one shares with them, so that further questions about a document do
// not cost the document again.
package pool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/engine"
	"tokenselect/engine/grammar"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
)

// Config is what a pool holds. Zero values are the defaults that are named.
type Config struct {
	Model *session.Model // on a device that may be called from several goroutines: gpu.Share
	Name  string         // of the model, as clients ask for it

	Memory    int64 // bytes of device memory that all conversations together may take, the weights not counted; 2 GiB
	Sessions  int   // conversations that are kept; 8
	Context   int   // most tokens of a conversation; the largest power of two up to 1<<20 that Memory and the device allow
	MaxTokens int   // of an answer whose length the client leaves open; 1024

	// Turn waits for the turn to answer; release ends it. Nil: no waiting. An
	// error that is not ctx's tells the client to come again later.
	Turn func(ctx context.Context, position func(int)) (release func(), err error)

	// Reserve is asked before a conversation takes device memory, besides
	// Memory: for a server that shares the device among more than this pool. Its
	// contract is session.Host's, but it does not wait. Nil: everything is allowed.
	Reserve func(bytes int64, evict func() bool) (release func(), err error)
}

// Pool is an openai.Backend. It is safe for concurrent use.
type Pool struct {
	Config
	made       time.Time
	vocabulary func() *grammar.Vocabulary // of the model, sorted when it is first asked for

	mu      sync.Mutex
	entries []*entry      // least recently used first
	taken   int64         // bytes, the sum of the entries'
	freed   chan struct{} // is closed, and replaced, when a conversation is no longer answered
	closed  bool

	head chan struct{}  // holds a token while the first of those who wait for memory does
	busy sync.WaitGroup // answers
}

var _ openai.Backend = (*Pool)(nil)

// Why a conversation cannot have memory now.
var (
	errBusy   = errors.New("pool: the memory for conversations is taken by others that are being answered")
	errMemory = errors.New("pool: the memory that is shared with others is taken")
)

// ErrMemory is New's error where Config.Memory is too little for anything.
var ErrMemory = errors.New("there is no room for a conversation of 1024 tokens")

// New makes a pool. Close it before the model.
func New(c Config) (*Pool, error) {
	for _, d := range []struct {
		name string
		to   *int
		or   int
	}{{"Sessions", &c.Sessions, 8}, {"MaxTokens", &c.MaxTokens, 1024}, {"Context", &c.Context, 0}} {
		if *d.to < 0 {
			return nil, fmt.Errorf("pool: %s is %d, expected 0 (the default) or more", d.name, *d.to)
		}
		if *d.to == 0 {
			*d.to = d.or
		}
	}
	if c.Memory == 0 {
		c.Memory = 2 << 30
	}
	p := &Pool{Config: c, made: time.Now(), freed: make(chan struct{}), head: make(chan struct{}, 1)}
	p.vocabulary = sync.OnceValue(func() *grammar.Vocabulary { return grammar.NewVocabulary(c.Model.Tokenizer) })
	cfg, err := c.Model.Apply(nil)
	if err != nil {
		return nil, err
	}
	if c.Context > 0 {
		if need := p.bytes(c.Context, c.Context, cfg); need > c.Memory {
			return nil, fmt.Errorf("pool: a conversation of %d tokens takes %d bytes, the memory for all is %d", c.Context, need, c.Memory)
		}
		return p, p.try(c.Context, cfg)
	}
	for p.Context = 1 << 20; p.Context >= 1024; p.Context /= 2 {
		if p.bytes(p.Context, p.Context, cfg) > c.Memory {
			continue
		}
		if err = p.try(p.Context, cfg); err == nil {
			return p, nil
		}
	}
	if err == nil {
		err = ErrMemory
	}
	return nil, fmt.Errorf("pool: in %d bytes of memory: %w", c.Memory, err)
}

// try tells whether the device takes a session of so many tokens. A session's
// cache takes memory as it fills, so that trying costs little.
func (p *Pool) try(context int, cfg selection.Config) error {
	s, err := p.Model.Engine.NewSession(engine.SessionOptions{Context: context, Selection: cfg})
	if err == nil {
		s.Close()
	}
	return err
}

// bytes is what a session made for context tokens can take while it holds no
// more than rows: its cache doubles as it grows, a layer at a time, the old and
// the new beside each other.
func (p *Pool) bytes(context, rows int, cfg selection.Config) int64 {
	m := p.Model.Engine.Memory(capacity(context, rows), cfg)
	return m.Total() - m.Weights + m.Cache/int64(p.Model.Engine.Config().Layers)
}

// capacity is the rows that a cache has allocated once it holds rows.
func capacity(context, rows int) int {
	n := min(1024, context)
	for n < rows && n < context {
		n *= 2
	}
	return min(n, context)
}

// Models is the one model.
func (p *Pool) Models(context.Context) ([]openai.Model, error) {
	return []openai.Model{{ID: p.Name, Object: "model", Created: p.made.Unix(), OwnedBy: openai.Owner, Context: p.Context, MaxModelLen: p.Context}}, nil
}

// Stats are figures of a pool.
type Stats struct {
	Sessions int   // conversations that are kept or being answered
	Busy     int   // of them, those being answered
	Bytes    int64 // device memory that they can come to as they are
}

// Stats counts.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Sessions: len(p.entries), Bytes: p.taken}
	for _, e := range p.entries {
		if e.busy {
			s.Busy++
		}
	}
	return s
}

// Close waits for the answers that are being given (end their contexts first)
// and frees all memory. Requests that wait, and later ones, are refused with
// ErrGone.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.wake()
	p.mu.Unlock()
	p.busy.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.entries) > 0 {
		p.drop(p.entries[0], true)
	}
}
