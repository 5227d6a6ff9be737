// Package saidtest collects what a part of the server reports. Only tests import
// it.
package saidtest

import (
	"slices"
	"strings"
	"sync"
)

// Lines is what has been said. The zero value is empty; it may be used from
// several goroutines.
type Lines struct {
	mu  sync.Mutex
	all []string
}

// Say adds a line.
func (l *Lines) Say(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
}

// All is all of them.
func (l *Lines) All() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// With is those that have part in them.
func (l *Lines) With(part string) (found []string) {
	for _, s := range l.All() {
		if strings.Contains(s, part) {
			found = append(found, s)
		}
	}
	return found
}

// String is all of them, one below the other.
func (l *Lines) String() string { return strings.Join(l.All(), "\n") }
