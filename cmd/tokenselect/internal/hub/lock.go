package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// lock is held by who works at a model, in this process or another one. The
// system gives it back when a process ends, however it does.
type lock struct {
	f     *os.File
	path  string
	store Store
}

// errLocked is why a lock was not given.
var errLocked = errors.New("another one works at the model")

// lock takes the lock of a model if it is free.
func (s Store) lock(n Name, unit string) (*lock, error) {
	path := filepath.Join(s.folder("partial", n), unit+".lock")
	for attempts := 0; ; attempts++ {
		var f *os.File
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		}
		if errors.Is(err, os.ErrNotExist) && attempts < 100 {
			continue // who had the lock tidied up in between
		}
		if err != nil {
			return nil, err
		}
		if err := lockFile(f); err != nil {
			f.Close()
			return nil, err
		}
		// A file that its owner has removed meanwhile locks nothing.
		mine, err1 := f.Stat()
		there, err2 := os.Stat(path)
		if err1 == nil && err2 == nil && os.SameFile(mine, there) {
			return &lock{f, path, s}, nil
		}
		f.Close()
	}
}

// wait takes the lock when it is free. waiting is called if it is not at once.
func (s Store) wait(ctx context.Context, n Name, unit string, waiting func()) (*lock, error) {
	for first := true; ; first = false {
		l, err := s.lock(n, unit)
		if !errors.Is(err, errLocked) {
			return l, err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// release gives the lock back, and removes its file where the system lets it
// while the lock is held.
func (l *lock) release() {
	os.Remove(l.path)
	l.f.Close()
	l.store.prune(filepath.Dir(l.path))
}
