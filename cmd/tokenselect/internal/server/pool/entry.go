package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
)

// entry is a conversation that has been read, in part or in full.
type entry struct {
	cfg  selection.Config // with which all of it was read
	busy bool             // it is being answered from; its session is that request's alone

	s       *engine.Session
	ids     []int // the rows that are as a fresh reading would make them: whole chunks of a prompt
	bytes   int64 // counted in Pool.taken
	release func()
}

// shared is how many rows of e a prompt can go on from. What was read with other
// budgets is not the same text to the model, and a prompt that goes on in the
// middle of a chunk, or after an answer that came token by token, would be read
// in other steps than a fresh one: the answer would depend on who asked before.
// The last token is always read anew, for its logits.
func (e *entry) shared(ids []int, cfg selection.Config) int {
	n := 0
	for e.cfg == cfg && n < min(len(e.ids), len(ids)-1) && e.ids[n] == ids[n] {
		n++
	}
	return n - n%cfg.Chunk
}

// exact is how many of the rows read of a prompt are kept for others. Chunks of
// one token use the Selection Cache, which does not survive a cut.
func exact(read int, cfg selection.Config) int {
	if cfg.Chunk == 1 && cfg.Theta > 0 {
		return 0
	}
	return read - read%cfg.Chunk
}

// await is take that waits while others are answered from all the memory. They
// are served in the order in which they came.
func (p *Pool) await(ctx context.Context, ids []int, rows int, cfg selection.Config) (*entry, int, error) {
	select {
	case p.head <- struct{}{}:
		defer func() { <-p.head }()
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
	for {
		p.mu.Lock()
		e, n, err := p.take(ids, rows, cfg)
		freed := p.freed
		p.mu.Unlock()
		if !errors.Is(err, errBusy) {
			return e, n, err
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// take is a session for a prompt, which will hold up to rows rows, and how many
// tokens of the prompt it holds. The session is the caller's until give or
// discard. The caller holds mu.
func (p *Pool) take(ids []int, rows int, cfg selection.Config) (*entry, int, error) {
	if p.closed {
		return nil, 0, closed()
	}
	var best *entry
	most := 0
	for _, e := range p.entries { // of equals the one used last
		// A short beginning in common is no reason to forget a long document.
		if n := e.shared(ids, cfg); !e.busy && n > 0 && n >= most && n >= len(e.ids)-n {
			best, most = e, n
		}
	}
	if best != nil {
		best.busy = true
		if err := p.fit(best, rows); err != nil {
			if best.busy = false; best.bytes == 0 {
				p.drop(best, true)
			}
			return nil, 0, err
		}
		if err := best.s.Truncate(most); err != nil {
			p.drop(best, true)
			return nil, 0, err
		}
		best.ids = best.ids[:most]
		return best, most, nil
	}
	for len(p.entries) >= p.Sessions {
		if !p.evictOldest() {
			return nil, 0, errBusy
		}
	}
	e := &entry{cfg: cfg, busy: true}
	p.entries = append(p.entries, e)
	if err := p.fit(e, rows); err != nil {
		p.drop(e, true)
		return nil, 0, err
	}
	var err error
	o := engine.SessionOptions{Context: p.Context, Selection: cfg}
	if e.s, err = p.Model.Engine.NewSession(o); errors.Is(err, gpu.ErrOutOfMemory) && p.evictOldest() {
		e.s, err = p.Model.Engine.NewSession(o) // the device has less than it was thought to
	}
	if err != nil {
		p.drop(e, true)
		return nil, 0, err
	}
	return e, 0, nil
}

// fit reserves what e can come to with rows rows, if that is more than it has.
// The oldest conversations make room. Where others share the device an error may
// leave e with nothing reserved (bytes is 0), and it must go.
func (p *Pool) fit(e *entry, rows int) error {
	need := p.bytes(p.Context, rows, e.cfg)
	if need <= e.bytes {
		return nil
	}
	for p.taken-e.bytes+need > p.Memory {
		if !p.evictOldest() {
			return errBusy
		}
	}
	if p.Reserve != nil {
		if e.release != nil {
			e.release()
			e.release = nil
		}
		release, err := p.Reserve(need, func() bool { return p.evict(e) })
		for err != nil && p.evictOldest() {
			release, err = p.Reserve(need, func() bool { return p.evict(e) })
		}
		if err != nil {
			p.taken -= e.bytes
			e.bytes = 0
			if slices.ContainsFunc(p.entries, func(o *entry) bool { return o.busy && o != e }) {
				return errBusy
			}
			return fmt.Errorf("%w: %w", errMemory, err)
		}
		e.release = release
	}
	p.taken += need - e.bytes
	e.bytes = need
	return nil
}

// give puts a session back: read tokens of the prompt are in it.
func (p *Pool) give(e *entry, ids []int, read int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wake()
	e.ids, e.busy = ids[:exact(read, e.cfg)], false
	if len(e.ids) == 0 { // nothing that anybody could use
		p.drop(e, true)
		return
	}
	i := slices.Index(p.entries, e)
	p.entries = append(slices.Delete(p.entries, i, i+1), e)
}

// discard frees a session that has failed.
func (p *Pool) discard(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wake()
	p.drop(e, true)
}

// wake tells who waits for memory to try again.
func (p *Pool) wake() {
	close(p.freed)
	p.freed = make(chan struct{})
}

// evictOldest frees the idle conversation that was used the longest time ago.
func (p *Pool) evictOldest() bool {
	for _, e := range p.entries {
		if !e.busy {
			p.drop(e, true)
			return true
		}
	}
	return false
}

// evict is for others who need the memory that Reserve gave e. They have the
// reservation then.
func (p *Pool) evict(e *entry) bool {
	if !p.mu.TryLock() { // the pool is itself asking for memory
		return false
	}
	defer p.mu.Unlock()
	if e.busy || !slices.Contains(p.entries, e) {
		return false
	}
	p.drop(e, false)
	return true
}

// drop frees a conversation, and its reservation if that is still its own.
func (p *Pool) drop(e *entry, reserved bool) {
	if i := slices.Index(p.entries, e); i >= 0 {
		p.entries = slices.Delete(p.entries, i, i+1)
	}
	if e.s != nil {
		e.s.Close()
		e.s = nil
	}
	if e.release != nil && reserved {
		e.release()
	}
	e.release = nil
	p.taken -= e.bytes
	e.bytes = 0
}
