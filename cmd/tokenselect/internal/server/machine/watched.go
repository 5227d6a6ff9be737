package machine

import (
	"context"
	"errors"
	"sync"

	"tokenselect/engine/gpu"
)

// watched is a guarded device that tells when it is gone.
type watched struct {
	gpu.Device
	lost func(*gpu.Failure) // is called once, from within a call of the device
	once sync.Once
}

// gone is a failure after which its device cannot be used. To who was being
// answered it is all the same whether it was taken away or hangs.
type gone struct{ *gpu.Failure }

func (g gone) Unwrap() error        { return g.Failure }
func (g gone) Is(target error) bool { return target == gpu.ErrDeviceLost }

func (w *watched) see(err error) error {
	var f *gpu.Failure
	if !errors.As(err, &f) || !f.Gone() {
		return err
	}
	w.once.Do(func() { w.lost(f) })
	return gone{f}
}

func (w *watched) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	b, err := w.Device.NewBuffer(label, size)
	return b, w.see(err)
}

func (w *watched) Write(b *gpu.Buffer, offset int, data []byte) error {
	return w.see(w.Device.Write(b, offset, data))
}

func (w *watched) Submit(r *gpu.Recording) error { return w.see(w.Device.Submit(r)) }

func (w *watched) Read(ctx context.Context, b *gpu.Buffer, offset int, dst []byte) error {
	return w.see(w.Device.Read(ctx, b, offset, dst))
}

func (w *watched) BeginRead(b *gpu.Buffer, offset, n int) (gpu.Pending, error) {
	pending, err := w.Device.BeginRead(b, offset, n)
	if err != nil {
		return nil, w.see(err)
	}
	return func(ctx context.Context) ([]byte, error) {
		read, err := pending(ctx)
		return read, w.see(err)
	}, nil
}
