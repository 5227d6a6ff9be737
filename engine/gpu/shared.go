package gpu

import (
	"context"
	"sync"
)

// shared is a device that takes turns. A call of each method is a turn, so that
// the sessions of a model that use it from their own goroutines come one after
// the other step by step, and none waits for another's whole answer.
type shared struct {
	dev  Device
	turn chan struct{} // holds a token while somebody's turn is on
	once sync.Once
}

// Share makes a device whose methods may be called from several goroutines at a
// time. They wait for each other in the order in which they came. Closing it
// closes dev.
func Share(dev Device) Device { return &shared{dev: dev, turn: make(chan struct{}, 1)} }

// take waits for the turn. Senders on a channel are served first come, first
// served, unlike those who wait for a mutex.
func (s *shared) take() (release func()) {
	s.turn <- struct{}{}
	return func() { <-s.turn }
}

func (s *shared) Info() Info { return s.dev.Info() }

func (s *shared) NewBuffer(label string, size int) (*Buffer, error) {
	defer s.take()()
	return s.dev.NewBuffer(label, size)
}

func (s *shared) Free(b *Buffer) {
	defer s.take()()
	s.dev.Free(b)
}

func (s *shared) Write(b *Buffer, offset int, data []byte) error {
	defer s.take()()
	return s.dev.Write(b, offset, data)
}

func (s *shared) Submit(r *Recording) error {
	defer s.take()()
	return s.dev.Submit(r)
}

func (s *shared) Read(ctx context.Context, b *Buffer, offset int, dst []byte) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.turn }()
	return s.dev.Read(ctx, b, offset, dst)
}

func (s *shared) BeginRead(b *Buffer, offset, n int) (Pending, error) {
	defer s.take()()
	pending, err := s.dev.BeginRead(b, offset, n)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]byte, error) {
		defer s.take()()
		return pending(ctx)
	}, nil
}

func (s *shared) Close() {
	s.once.Do(func() {
		defer s.take()()
		s.dev.Close()
	})
}
