//go:build load

package server_test

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenselect/engine/trace"
)

const (
	idlers = 200
	askers = 16
)

// said is what a page was told of an answer.
type said struct {
	tokens    []int
	text      string
	positions []int
	first     time.Duration // from the question to its first token
	began     time.Time     // its turn
}

// ask puts the question of a load test; where cut is positive the connection
// breaks after so many tokens and is made again.
func (p *page) ask(cut int) said {
	var s said
	asked := time.Now()
	id := p.say(trace.Command{Type: trace.Ask, Question: question, Trace: true})
	for {
		e := p.next()
		if e.ID != id {
			p.t.Errorf("%s, expected events of command %d", e.Bytes(), id)
			return s
		}
		switch e.Type {
		case trace.Queued:
			s.positions = append(s.positions, e.Position)
		case trace.Layout:
			s.began = time.Now()
		case trace.Token:
			if s.first == 0 {
				s.first = time.Since(asked)
			}
			s.tokens = append(s.tokens, e.Token)
			s.text += e.Text
			if len(s.tokens) == cut {
				p.cut()
				p.connect()
			}
		case trace.Done:
			if e.Text != s.text {
				p.t.Errorf("tokens say %q, the end %q", s.text, e.Text)
			}
			return s
		case trace.Failed:
			p.t.Errorf("%s", e.Bytes())
			return s
		}
	}
}

// memory is the heap and stacks in use now, and the most that the process ever
// had of the system's memory, in MiB.
func memory() (inUse, peak float64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, _ := os.ReadFile("/proc/self/status")
	if found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status); found != nil {
		fmt.Sscan(string(found[1]), &peak)
	}
	return float64(m.HeapInuse+m.StackInuse) / (1 << 20), peak / 1024
}

// crowd is a server with idle pages and others that have a document open.
func crowd(t *testing.T, generations, idle int) (*running, []*page) {
	c, done := config(t)
	c.Generations = generations
	s := run(t, c, time.Minute, done)
	empty, _ := memory()
	for range idle {
		p := visit(t, s.url)
		go func() { // answers pings
			for {
				if _, _, err := p.ws.ReadMessage(); err != nil {
					return
				}
			}
		}()
	}
	full, _ := memory()
	if idle > 0 {
		t.Logf("%d idle websockets: %.1f KiB each, both ends counted", idle, (full-empty)*1024/float64(idle))
	}
	pages := make([]*page, askers)
	for i := range pages {
		pages[i] = visit(t, s.url)
		pages[i].open(strings.Repeat(plain, 100+10*i) + people + strings.Repeat(plain, 150-10*i))
	}
	return s, pages
}

// TestLoad: 200 idle pages, and 16 that are answered at a time. Every answer is
// that of a lone run, token for token, also where the connection broke.
func TestLoad(t *testing.T) {
	lone := make([]said, askers)
	t.Run("lone", func(t *testing.T) {
		_, pages := crowd(t, 1, 0)
		began, tokens := time.Now(), 0
		for i, p := range pages {
			lone[i] = p.ask(0)
			tokens += len(lone[i].tokens)
		}
		t.Logf("%d answers one after the other: %.1f s, %d tokens", askers, time.Since(began).Seconds(), tokens)
	})
	together := func(t *testing.T, generations int) []said {
		s, pages := crowd(t, generations, idlers)
		got := make([]said, askers)
		began := time.Now()
		var all sync.WaitGroup
		for i, p := range pages {
			all.Go(func() { got[i] = p.ask(i % 4 * 2) })
			// One after the other, so that the order of arrival is known.
			eventually(t, "the question has arrived", func() bool { return busy(s) == i+1 })
		}
		taken := gauge(s, `tokenselect_memory_bytes{for="conversations"}`)
		all.Wait()
		took := time.Since(began).Seconds()
		tokens := 0
		var firsts []time.Duration
		for i, g := range got {
			if !slices.Equal(g.tokens, lone[i].tokens) || g.text != lone[i].text {
				t.Errorf("page %d was told %v %q, alone %v %q", i, g.tokens, g.text, lone[i].tokens, lone[i].text)
			}
			tokens += len(g.tokens)
			firsts = append(firsts, g.first)
		}
		slices.Sort(firsts)
		if n := gauge(s, "tokenselect_connections"); n != idlers+askers {
			t.Errorf("%v connections at the end, expected %d", n, idlers+askers)
		}
		if n := gauge(s, `tokenselect_memory_bytes{for="replay"}`); n > 64<<20 {
			t.Errorf("%v bytes of events kept", n)
		}
		inUse, peak := memory()
		t.Logf("%d at a time: %.1f s, %d tokens, first token after %.1f s in the middle and %.1f s at most", generations, took, tokens,
			firsts[len(firsts)/2].Seconds(), firsts[len(firsts)-1].Seconds())
		t.Logf("memory: %.0f MiB reserved for conversations while all waited, of %.0f; %.0f MiB in use after it, the process had %.0f MiB at most (both ends)",
			taken/(1<<20), gauge(s, "tokenselect_memory_limit_bytes")/(1<<20), inUse, peak)
		return got
	}
	t.Run("16 at a time", func(t *testing.T) {
		for i, g := range together(t, askers) {
			if g.positions != nil {
				t.Errorf("page %d waited: %v", i, g.positions)
			}
		}
	})
	t.Run("4 at a time", func(t *testing.T) {
		got := together(t, 4)
		for i, g := range got {
			if i < 4 {
				if g.positions != nil {
					t.Errorf("page %d waited: %v", i, g.positions)
				}
				continue
			}
			// From its place at arrival, or a better one, on to the front: who is
			// told that it is next may have its turn before it has heard of it.
			if len(g.positions) == 0 || g.positions[0] > i-3 || !slices.IsSortedFunc(g.positions, func(a, b int) int { return b - a }) {
				t.Errorf("page %d was told the places %v, expected from %d down", i, g.positions, i-3)
			}
			if before := got[i-4]; g.began.Before(before.began) {
				t.Errorf("page %d had its turn before page %d", i, i-4)
			}
		}
		t.Logf("places told to the last of %d: %v", askers, got[askers-1].positions)
	})
}

// busy is the questions that run or wait, or have been answered.
func busy(s *running) int {
	return int(gauge(s, "tokenselect_generations_running") + gauge(s, "tokenselect_queue_length") +
		gauge(s, `tokenselect_questions_total{via="page",result="done"}`))
}

// gauge is a figure of a server's metrics, 0 where it is not there.
func gauge(s *running, name string) float64 {
	for _, l := range strings.Split(get(s, "GET", "/metrics").Body.String(), "\n") {
		if v, ok := strings.CutPrefix(l, name+" "); ok {
			var n float64
			fmt.Sscan(v, &n)
			return n
		}
	}
	return 0
}
