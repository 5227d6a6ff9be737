package gpu

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// guard is a device whose errors are Failures.
type guard struct {
	dev      Device
	patience time.Duration
	gone     *Failure
}

// Patience is how long a GPU may take for one call before it counts as hung. A
// chunk of a prompt takes a GPU milliseconds, and drivers reset one that does
// not answer for some seconds.
const Patience = 2 * time.Minute

// Guard makes every error of dev a *Failure, but for the end of a context and
// the sticky errors of recordings, which are the caller's. A call that takes
// longer than patience returns ErrHang; 0 is to wait without end, as fits a
// driver that runs on the CPU. After a hang or a loss each call fails at once,
// and Close does not touch a device that hangs: its memory is lost until the
// program ends.
func Guard(dev Device, patience time.Duration) Device {
	g := &guard{dev: dev, patience: patience}
	if im, ok := dev.(Importer); ok {
		return &importingGuard{g, im}
	}
	return g
}

// importingGuard is a guard over a device that imports.
type importingGuard struct {
	*guard
	im Importer
}

func (g *guard) Info() Info { return g.dev.Info() }

// do runs call and makes what comes of it a Failure.
func (g *guard) do(ctx context.Context, doing func() string, call func() error) error {
	if g.gone != nil {
		return &Failure{g.gone.Info, doing(), g.gone.Err}
	}
	err := g.wait(call)
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return err
	}
	f := &Failure{g.dev.Info(), doing(), err}
	if f.Gone() {
		g.gone = f
	}
	return f
}

func (g *guard) wait(call func() error) error {
	if g.patience == 0 {
		return call()
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%w: nothing came back within %v", ErrHang, g.patience)
	}
}

func (g *guard) NewBuffer(label string, size int) (*Buffer, error) {
	var b *Buffer
	err := g.do(context.Background(), func() string { return fmt.Sprintf("making %s of %d bytes", label, size) }, func() (err error) {
		b, err = g.dev.NewBuffer(label, size)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (g *guard) Free(b *Buffer) {
	if !g.hung() {
		g.dev.Free(b)
	}
}

func (g *guard) hung() bool { return g.gone != nil && errors.Is(g.gone, ErrHang) }

func (g *guard) Write(b *Buffer, offset int, data []byte) error {
	return g.do(context.Background(), func() string { return fmt.Sprintf("writing %d bytes to %s", len(data), label(b)) }, func() error {
		return g.dev.Write(b, offset, data)
	})
}

func (g *guard) Submit(r *Recording) error {
	if err := r.Err(); err != nil {
		return err
	}
	return g.do(context.Background(), func() string { return fmt.Sprintf("computing (%d commands)", r.Len()) }, func() error {
		return g.dev.Submit(r)
	})
}

func (g *guard) Time(ctx context.Context, r *Recording) (time.Duration, error) {
	c, ok := g.dev.(Clock)
	if !ok {
		return 0, fmt.Errorf("gpu: %s has no clock: %w", g.dev.Info().Device, errors.ErrUnsupported)
	}
	var took time.Duration
	var unsupported error // which is no failure
	err := g.do(ctx, func() string { return fmt.Sprintf("timing %d commands", r.Len()) }, func() error {
		t, err := c.Time(ctx, r)
		if errors.Is(err, errors.ErrUnsupported) {
			unsupported, err = err, nil
		}
		took = t
		return err
	})
	if err == nil {
		err = unsupported
	}
	if err != nil {
		return 0, err
	}
	return took, nil
}

func (g *guard) Read(ctx context.Context, b *Buffer, offset int, dst []byte) error {
	doing := func() string { return fmt.Sprintf("reading %d bytes of %s", len(dst), label(b)) }
	if g.patience == 0 {
		return g.do(ctx, doing, func() error { return g.dev.Read(ctx, b, offset, dst) })
	}
	// A device that hangs must not write to dst when its caller has gone on.
	own := make([]byte, len(dst))
	err := g.do(ctx, doing, func() error { return g.dev.Read(ctx, b, offset, own) })
	if err == nil {
		copy(dst, own)
	}
	return err
}

func (g *guard) BeginRead(b *Buffer, offset, n int) (Pending, error) {
	doing := func() string { return fmt.Sprintf("reading %d bytes of %s", n, label(b)) }
	var pending Pending
	err := g.do(context.Background(), doing, func() (err error) {
		pending, err = g.dev.BeginRead(b, offset, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]byte, error) {
		read := make(chan []byte, 1)
		if err := g.do(ctx, doing, func() error {
			got, err := pending(ctx)
			read <- got
			return err
		}); err != nil {
			return nil, err
		}
		return <-read, nil
	}, nil
}

func (g *importingGuard) Import(ctx context.Context, b *Buffer, from Import) error {
	var value *ValueError
	err := g.do(ctx, func() string { return fmt.Sprintf("importing %d rows to %s", from.Rows, label(b)) }, func() error {
		err := g.im.Import(ctx, b, from)
		if errors.As(err, &value) {
			return nil // the file's fault, not the device's
		}
		return err
	})
	if err == nil && value != nil {
		return value
	}
	return err
}

func (g *guard) Close() {
	if !g.hung() {
		g.dev.Close()
	}
}
