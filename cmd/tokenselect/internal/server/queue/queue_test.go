package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/queue"
)

// visitor waits in a queue and notes what it is told.
type visitor struct {
	positions chan int
	release   chan func()
	failed    chan error
	cancel    context.CancelFunc
}

func come(q *queue.Queue) *visitor {
	v := &visitor{positions: make(chan int, 100), release: make(chan func(), 1), failed: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	v.cancel = cancel
	go func() {
		release, err := q.Turn(ctx, func(p int) { v.positions <- p })
		if err != nil {
			v.failed <- err
			return
		}
		v.release <- release
	}()
	return v
}

const patience = 30 * time.Second

func get[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func newQueue(t *testing.T, slots, bound int) *queue.Queue {
	t.Helper()
	q, err := queue.New(slots, bound)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// TestOrder: turns come in the order in which they were asked for, and everybody
// is told of every change of place.
func TestOrder(t *testing.T) {
	q := newQueue(t, 2, 3)
	a, b := come(q), come(q)
	endA, endB := get(t, a.release), get(t, b.release)
	var waiting []*visitor
	for i := range 3 {
		v := come(q)
		waiting = append(waiting, v)
		if p := get(t, v.positions); p != i+1 {
			t.Fatalf("visitor %d waits at %d", i, p)
		}
	}
	if err := get(t, come(q).failed); !errors.Is(err, queue.ErrFull) {
		t.Errorf("the fourth of three: %v", err)
	}
	if running, n := q.Stats(); running != 2 || n != 3 {
		t.Errorf("%d run and %d wait, expected 2 and 3", running, n)
	}
	endA()
	endA() // once is enough
	end0 := get(t, waiting[0].release)
	if p1, p2 := get(t, waiting[1].positions), get(t, waiting[2].positions); p1 != 1 || p2 != 2 {
		t.Errorf("then %d and %d, expected 1 and 2", p1, p2)
	}
	waiting[1].cancel()
	if err := get(t, waiting[1].failed); !errors.Is(err, context.Canceled) {
		t.Errorf("who left: %v", err)
	}
	if p := get(t, waiting[2].positions); p != 1 {
		t.Errorf("then %d, expected 1", p)
	}
	endB()
	end2 := get(t, waiting[2].release)
	end0()
	end2()
	if running, n := q.Stats(); running != 0 || n != 0 {
		t.Errorf("%d run and %d wait at the end", running, n)
	}
}

func TestClose(t *testing.T) {
	q := newQueue(t, 1, 5)
	end := get(t, come(q).release)
	v := come(q)
	get(t, v.positions)
	q.Close()
	q.Close()
	for _, v := range []*visitor{v, come(q)} {
		if err := get(t, v.failed); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	}
	end()
	if running, n := q.Stats(); running != 0 || n != 0 {
		t.Errorf("%d run and %d wait", running, n)
	}
}

func TestBad(t *testing.T) {
	for _, c := range [][2]int{{0, 1}, {-1, 1}, {1, -1}} {
		if _, err := queue.New(c[0], c[1]); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
}

// TestCrowd: never more turns than there are, none is lost to those who leave
// just as their turn comes, and places only get better.
func TestCrowd(t *testing.T) {
	const slots = 3
	q := newQueue(t, slots, 1000)
	var running, most atomic.Int32
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var told []int
			release, err := q.Turn(ctx, func(p int) {
				if told = append(told, p); i%3 == 0 && p == 1 {
					cancel()
				}
			})
			if !slices.IsSortedFunc(told, func(a, b int) int { return b - a }) {
				t.Error("places got worse: ", fmt.Sprint(told))
			}
			if err != nil {
				return
			}
			if n := running.Add(1); n > slots {
				most.Store(n)
			}
			time.Sleep(100 * time.Microsecond)
			running.Add(-1)
			release()
		})
	}
	all.Wait()
	if n := most.Load(); n != 0 {
		t.Errorf("%d turns at a time, expected at most %d", n, slots)
	}
	if running, n := q.Stats(); running != 0 || n != 0 {
		t.Errorf("%d run and %d wait at the end", running, n)
	}
}
