package cpudev

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// crew runs a list of jobs on a fixed number of goroutines, one of which is the
// caller. All members go through the whole list together and meet after each
// job, so that they are woken once a list and not once a job: a token takes
// some two hundred jobs of a few microseconds each.
type crew struct {
	members int
	wake    []chan struct{}
	done    sync.WaitGroup

	jobs  int
	start func(i int) (items int, work func(lo, hi int))

	// The current job. Written by the member that comes last to the meeting,
	// before it opens the gate.
	current int
	items   int64
	grain   int64
	work    func(lo, hi int)
	next    atomic.Int64 // first item that nobody has taken

	arrived atomic.Int32
	gate    atomic.Uint32 // counts meetings
}

func newCrew(members int) *crew {
	c := &crew{members: members}
	for range members - 1 {
		wake := make(chan struct{}, 1)
		c.wake = append(c.wake, wake)
		go func() {
			for range wake {
				c.member()
				c.done.Done()
			}
		}()
	}
	return c
}

// run does jobs 0 to jobs-1 in order. start is called once for each, when the
// one before it is done, and gives its number of items and what does them.
func (c *crew) run(jobs int, start func(i int) (int, func(lo, hi int))) {
	if jobs == 0 {
		return
	}
	c.jobs, c.start = jobs, start
	c.begin(0)
	c.done.Add(len(c.wake))
	for _, w := range c.wake {
		w <- struct{}{}
	}
	c.member()
	c.done.Wait()
	c.start, c.work = nil, nil
}

// begin makes job i the current one.
func (c *crew) begin(i int) {
	c.current = i
	if i == c.jobs {
		return
	}
	items, work := c.start(i)
	c.items, c.work = int64(items), work
	// A few pieces a member, so that one that is slow holds up nobody.
	c.grain = max(1, c.items/int64(4*c.members))
	c.next.Store(0)
}

func (c *crew) member() {
	for {
		for {
			lo := c.next.Add(c.grain) - c.grain
			if lo >= c.items {
				break
			}
			c.work(int(lo), int(min(lo+c.grain, c.items)))
		}
		c.meet()
		if c.current == c.jobs {
			return
		}
	}
}

// meet waits until all members are here; the last one begins the next job.
func (c *crew) meet() {
	gate := c.gate.Load()
	if int(c.arrived.Add(1)) == c.members {
		c.arrived.Store(0)
		c.begin(c.current + 1)
		c.gate.Add(1)
		return
	}
	for spins := 0; c.gate.Load() == gate; spins++ {
		switch {
		case spins < 1<<12:
		case spins < 1<<14:
			runtime.Gosched()
		default: // somebody has lost its core: leave it ours
			time.Sleep(20 * time.Microsecond)
		}
	}
}

func (c *crew) close() {
	for _, w := range c.wake {
		close(w)
	}
}
