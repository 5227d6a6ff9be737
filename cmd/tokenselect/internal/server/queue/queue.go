// Package queue lets a few at a time use what is scarce, first come, first
// served, and tells those who wait where they stand.
package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Why a turn was not given.
var (
	ErrFull   = errors.New("queue: too many are waiting")
	ErrClosed = errors.New("queue: nobody is let in any more")
)

// Queue gives turns. It is safe for concurrent use.
type Queue struct {
	slots, bound int

	mu      sync.Mutex
	running int
	waiting []*waiter
	closed  bool
}

type waiter struct {
	granted chan struct{} // is closed when it is its turn
	moved   chan struct{} // holds a token after its position changed
	refused error         // set before granted is closed
}

// New makes a queue for slots turns at a time, in which at most bound wait.
func New(slots, bound int) (*Queue, error) {
	if slots < 1 || bound < 0 {
		return nil, fmt.Errorf("queue: %d turns at a time and %d waiting, expected at least 1 and 0", slots, bound)
	}
	return &Queue{slots: slots, bound: bound}, nil
}

// Turn waits for a turn. Position is called with 1 (next), 2, ... whenever it
// changes, from this goroutine. Release ends the turn; it may be called more than
// once. Errors are ErrFull, ErrClosed and that of ctx.
func (q *Queue) Turn(ctx context.Context, position func(int)) (release func(), err error) {
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		return nil, ErrClosed
	case q.running < q.slots:
		q.running++
		q.mu.Unlock()
		return q.release(), nil
	case len(q.waiting) >= q.bound:
		q.mu.Unlock()
		return nil, fmt.Errorf("%w: %d", ErrFull, q.bound)
	}
	w := &waiter{granted: make(chan struct{}), moved: make(chan struct{}, 1)}
	w.moved <- struct{}{} // its first place is news too
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()

	said := 0
	for {
		select {
		case <-w.granted:
			if w.refused != nil {
				return nil, w.refused
			}
			return q.release(), nil
		case <-w.moved:
			if at := q.position(w); at > 0 && at != said {
				said = at
				position(at)
			}
		case <-ctx.Done():
			q.leave(w)
			return nil, context.Cause(ctx)
		}
	}
}

// position is where w waits, from 1; 0 if it does not any more.
func (q *Queue) position(w *waiter) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Index(q.waiting, w) + 1
}

// leave takes w out, also where it has just been given the turn.
func (q *Queue) leave(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, w); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		q.tell(i)
		return
	}
	if w.refused == nil {
		q.end()
	}
}

// release ends a turn once.
func (q *Queue) release() func() {
	var once sync.Once
	return func() {
		once.Do(func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.end()
		})
	}
}

// end gives the turn that ended to whoever is first. The caller holds mu.
func (q *Queue) end() {
	if len(q.waiting) > 0 {
		first := q.waiting[0]
		q.waiting = slices.Delete(q.waiting, 0, 1)
		close(first.granted)
		q.tell(0)
		return
	}
	q.running--
}

// tell wakes those from i on: their positions changed. The caller holds mu.
func (q *Queue) tell(i int) {
	for _, w := range q.waiting[i:] {
		select {
		case w.moved <- struct{}{}:
		default:
		}
	}
}

// Close refuses all who wait and all who come. Turns that are on go on.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	for _, w := range q.waiting {
		w.refused = ErrClosed
		close(w.granted)
	}
	q.waiting = nil
}

// Stats counts the turns that are on, and those who wait.
func (q *Queue) Stats() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running, len(q.waiting)
}
