// Package budget shares out an amount of memory. Who has not been heard of for
// the longest time gives up what it has first.
package budget

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// ErrTaken is why memory was not given: others are using it.
var ErrTaken = errors.New("the memory of the server is in use by others who are being answered")

// ErrLarge is why memory was not given: there is not as much in all.
var ErrLarge = errors.New("the server does not have as much memory for one conversation")

// Budget is an amount of memory in bytes. It is safe for concurrent use.
type Budget struct {
	limit int64

	mu    sync.Mutex
	taken int64
	held  []*reservation // whose tenant was active the longest time ago first
	freed chan struct{}  // is closed, and replaced, when there may be more to have
}

type reservation struct {
	tenant *Tenant
	bytes  int64
	evict  func() bool
}

// New makes a budget.
func New(limit int64) (*Budget, error) {
	if limit < 1 {
		return nil, fmt.Errorf("budget: %d bytes, expected at least 1", limit)
	}
	return &Budget{limit: limit, freed: make(chan struct{})}, nil
}

// Tenant is somebody who takes memory.
type Tenant struct{ b *Budget }

// Tenant makes one.
func (b *Budget) Tenant() *Tenant { return &Tenant{b} }

// Touch says that the tenant is active: others give up theirs before it does.
func (t *Tenant) Touch() {
	t.b.mu.Lock()
	defer t.b.mu.Unlock()
	slices.SortStableFunc(t.b.held, func(a, b *reservation) int {
		switch {
		case a.tenant != t && b.tenant == t:
			return -1
		case a.tenant == t && b.tenant != t:
			return 1
		}
		return 0
	})
}

// Reserve takes memory. Where there is not enough, evict is called of those who
// hold some, the ones that were not active for the longest time first, until
// there is; evict reports false where the memory is in use. It must not call
// Reserve or release. Release gives the memory back; after an evict that
// reported true it does nothing.
func (t *Tenant) Reserve(bytes int64, evict func() bool) (release func(), err error) {
	t.b.mu.Lock()
	defer t.b.mu.Unlock()
	return t.reserve(bytes, evict)
}

// Wait is Reserve that waits as long as others use what is needed, or until ctx
// ends.
func (t *Tenant) Wait(ctx context.Context, bytes int64, evict func() bool) (release func(), err error) {
	for {
		t.b.mu.Lock()
		release, err := t.reserve(bytes, evict)
		freed := t.b.freed
		t.b.mu.Unlock()
		if !errors.Is(err, ErrTaken) {
			return release, err
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Idle says that somebody does not use what is reserved any more, who may have
// been in the way of those who wait.
func (b *Budget) Idle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wake()
}

// reserve is Reserve for a caller who holds mu.
func (t *Tenant) reserve(bytes int64, evict func() bool) (release func(), err error) {
	b := t.b
	if bytes < 0 || bytes > b.limit {
		return nil, fmt.Errorf("%w: %s are needed, %s are there", ErrLarge, mebibytes(bytes), mebibytes(b.limit))
	}
	for i := 0; b.taken+bytes > b.limit && i < len(b.held); {
		if r := b.held[i]; r.evict() {
			b.remove(r)
		} else {
			i++
		}
	}
	if b.taken+bytes > b.limit {
		return nil, fmt.Errorf("%w: %s are needed, %s of %s are free", ErrTaken, mebibytes(bytes), mebibytes(b.limit-b.taken), mebibytes(b.limit))
	}
	r := &reservation{t, bytes, evict}
	b.taken += bytes
	b.held = append(b.held, r)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.remove(r)
	}, nil
}

// remove gives r back if that has not been done. The caller holds mu.
func (b *Budget) remove(r *reservation) {
	if i := slices.Index(b.held, r); i >= 0 {
		b.held = slices.Delete(b.held, i, i+1)
		b.taken -= r.bytes
		b.wake()
	}
}

// wake has those who wait try again. The caller holds mu.
func (b *Budget) wake() {
	close(b.freed)
	b.freed = make(chan struct{})
}

// Stats is what is taken and what there is, in bytes.
func (b *Budget) Stats() (taken, limit int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.taken, b.limit
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
