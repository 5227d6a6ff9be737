package eval

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// Unit is a case that policies are tried on: all of them in a row, so that pairs
// are whole early on and a case is made once.
type Unit struct {
	Task     string
	Length   int
	Case     int
	Policies []string
}

// Units are what s asks for and st does not have, the most telling first: short
// lengths, which cost little, and of each length the first case of all tasks
// before the second of any.
func Units(s Settings, st *Store) (todo []Unit) {
	for _, length := range s.Lengths {
		for i := range s.Cases {
			for _, task := range s.Tasks {
				u := Unit{Task: task, Length: length, Case: i}
				for _, p := range s.PolicyNames() {
					if !st.Has(p, task, length, i) {
						u.Policies = append(u.Policies, p)
					}
				}
				if len(u.Policies) > 0 {
					todo = append(todo, u)
				}
			}
		}
	}
	return todo
}

// Worker does the cases of one goroutine: all policies of a unit, a result each.
type Worker func(ctx context.Context, u Unit, emit func(Record) error) error

// Run has the workers do all units, keeps what they emit in st and tells progress.
// The first failure ends it; results until then stay.
func Run(ctx context.Context, todo []Unit, workers []Worker, st *Store, p *Progress) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan Unit)
	var group sync.WaitGroup
	for _, work := range workers {
		group.Go(func() {
			for u := range next {
				err := work(ctx, u, func(r Record) error {
					if err := st.Add(r); err != nil {
						return err
					}
					p.done(r)
					return nil
				})
				if err != nil {
					if ctx.Err() == nil {
						err = fmt.Errorf("%s at %s tokens, case %d: %w", u.Task, Tokens(u.Length), u.Case, err)
					}
					cancel(err)
					return
				}
			}
		})
	}
	p.start(todo, len(workers))
	for _, u := range todo {
		select {
		case next <- u:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	group.Wait()
	p.end()
	return context.Cause(ctx)
}

// Progress says how far a run has come and how long the rest will take.
type Progress struct {
	Out  io.Writer // nil: says nothing
	Live bool      // draw over the line before, as on a terminal

	mu      sync.Mutex
	now     func() time.Time
	drawn   time.Time
	workers int
	total   int
	left    map[string]map[int]int // results to come, by policy and length
	took    map[string]map[int]pace
}

// pace is the seconds that results of a policy at a length have taken.
type pace struct {
	seconds float64
	n       int
}

func (p *Progress) start(todo []Unit, workers int) {
	if p.now == nil {
		p.now = time.Now
	}
	p.workers = workers
	p.left, p.took = map[string]map[int]int{}, map[string]map[int]pace{}
	for _, u := range todo {
		for _, name := range u.Policies {
			if p.left[name] == nil {
				p.left[name], p.took[name] = map[int]int{}, map[int]pace{}
			}
			p.left[name][u.Length]++
			p.total++
		}
	}
}

// done counts a result.
func (p *Progress) done(r Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[r.Policy][r.Length]--
	t := p.took[r.Policy][r.Length]
	p.took[r.Policy][r.Length] = pace{t.seconds + r.Prefill + r.Decode, t.n + 1}
	if p.Out == nil {
		return
	}
	every := 20 * time.Second
	if p.Live {
		every = 100 * time.Millisecond
	}
	if now := p.now(); now.Sub(p.drawn) >= every {
		p.drawn = now
		start, end := "", "\n"
		if p.Live {
			start, end = "\r", ""
		}
		fmt.Fprintf(p.Out, "%s%-78s%s", start, p.line(r), end)
	}
}

func (p *Progress) line(r Record) string {
	left := 0
	for _, lengths := range p.left {
		for _, n := range lengths {
			left += n
		}
	}
	return fmt.Sprintf("%d of %d, %s left; %s, %s at %s", p.total-left, p.total, about(p.remaining()), r.Policy, r.Task, Tokens(r.Length))
}

// remaining estimates the time left from what results have taken: of the same policy,
// or as long as it has none of the slowest other.
func (p *Progress) remaining() time.Duration {
	seconds := 0.0
	for name, lengths := range p.left {
		for length, n := range lengths {
			each := p.each(name, length)
			if each == 0 {
				for other := range p.took {
					each = max(each, p.each(other, length))
				}
			}
			seconds += each * float64(n)
		}
	}
	return time.Duration(seconds / float64(max(1, p.workers)) * float64(time.Second))
}

// each is the seconds that a result of a policy takes, from those at the nearest
// shorter length where there are none of the same: as if time grew with the length,
// which is too little for policies that read all of it. 0: there is none.
func (p *Progress) each(policy string, length int) float64 {
	nearest, each := 0, 0.0
	for at, t := range p.took[policy] {
		if at <= length && at > nearest && t.n > 0 {
			nearest, each = at, t.seconds/float64(t.n)*float64(length)/float64(at)
		}
	}
	return each
}

// about is a time in words.
func about(d time.Duration) string {
	switch {
	case d >= 90*time.Minute:
		return fmt.Sprintf("about %.1f h", d.Hours())
	case d >= 90*time.Second:
		return fmt.Sprintf("about %.0f min", d.Minutes())
	}
	return fmt.Sprintf("about %.0f s", d.Seconds())
}

func (p *Progress) end() {
	if p.Out != nil && p.Live && p.total > 0 {
		fmt.Fprintf(p.Out, "\r%78s\r", "")
	}
}
