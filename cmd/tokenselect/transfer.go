//go:build !js

package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"tokenselect/cmd/tokenselect/internal/hub"
)

// transfer shows how far a download is: on a line that is drawn over itself on a
// terminal, else on a line now and then. It is safe for concurrent use.
type transfer struct {
	w     io.Writer
	live  bool
	every time.Duration // between lines, where it is no terminal

	mu        sync.Mutex
	drawn     time.Time
	width     int // of what is on the line
	verifying bool
	done      int64
	marks     []mark // of the last seconds, the oldest first
}

// mark is how much was there at a time.
type mark struct {
	when time.Time
	done int64
}

// recent is what time the speed is measured over.
const recent = 10 * time.Second

func (t *transfer) show(p hub.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !p.Verifying {
		t.done = p.Done
	}
	now := time.Now()
	if p.Verifying != t.verifying {
		t.verifying, t.marks = p.Verifying, nil
	}
	if n := len(t.marks); n == 0 || p.Done < t.marks[n-1].done {
		t.marks = []mark{{now, p.Done}}
	} else if now.Sub(t.marks[n-1].when) > recent/20 {
		t.marks = append(t.marks, mark{now, p.Done})
	}
	for len(t.marks) > 2 && now.Sub(t.marks[0].when) > recent {
		t.marks = t.marks[1:]
	}
	if t.drawn.IsZero() {
		t.drawn = now
	}
	pause := t.every
	if t.live {
		pause = 100 * time.Millisecond
	}
	if now.Sub(t.drawn) < pause {
		return
	}
	t.drawn = now
	line := t.line(p, now)
	if !t.live {
		fmt.Fprintln(t.w, line)
		return
	}
	fmt.Fprintf(t.w, "\r%-*s", t.width, line)
	t.width = len(line)
}

// line is how far it is, how fast, and how long it takes.
func (t *transfer) line(p hub.Progress, now time.Time) string {
	var percent int64 = 100
	if p.Total > 0 {
		percent = int64(float64(p.Done) / float64(p.Total) * 100)
	}
	s := fmt.Sprintf("%3d %%  %s of %s", percent, byteSize(p.Done), byteSize(p.Total))
	if p.Verifying {
		return s + " verified"
	}
	first := t.marks[0]
	if speed := float64(p.Done-first.done) / max(now.Sub(first.when).Seconds(), 1e-3); speed > 0 {
		left := time.Duration(float64(p.Total-p.Done)/speed) * time.Second
		s += fmt.Sprintf("  %s/s  %v left", byteSize(int64(speed)), left)
	}
	return s
}

// say prints a line by itself.
func (t *transfer) say(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	fmt.Fprintln(t.w, line)
}

// kept is how many bytes of the model are there.
func (t *transfer) kept() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done
}

// clear takes away what is on the line.
func (t *transfer) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
}

func (t *transfer) wipe() {
	if t.width > 0 {
		fmt.Fprintf(t.w, "\r%s\r", strings.Repeat(" ", t.width))
		t.width = 0
	}
}
