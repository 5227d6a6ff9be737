package gputest

import (
	"context"

	"tokenselect/engine/gpu"
)

// Call is a method of a Device that can be made to fail.
type Call int

// The calls.
const (
	NewBuffer Call = iota
	Write
	Submit
	Read
)

// Failing is a device that fails on demand: the call of a kind that is After
// calls of it away returns Err, and if that is the loss of the device, so does
// everything from then on. It counts the buffers that it made.
type Failing struct {
	gpu.Device
	Call  Call
	After int
	Err   error
	Hang  chan struct{} // if not nil, the call does not return before it is closed

	calls   [4]int
	lost    bool
	failed  bool
	buffers map[*gpu.Buffer]bool
}

// Failed tells whether it has come to the failure.
func (f *Failing) Failed() bool { return f.failed }

// Buffers is the number of buffers made and not freed.
func (f *Failing) Buffers() int { return len(f.buffers) }

// Calls is how many calls of a kind there were.
func (f *Failing) Calls(c Call) int { return f.calls[c] }

func (f *Failing) fail(c Call) error {
	if f.lost {
		return gpu.ErrDeviceLost
	}
	f.calls[c]++
	if f.Err == nil || c != f.Call || f.calls[c] != f.After+1 {
		return nil
	}
	f.failed = true
	f.lost = f.Err == gpu.ErrDeviceLost
	if f.Hang != nil {
		<-f.Hang
	}
	return f.Err
}

func (f *Failing) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if err := f.fail(NewBuffer); err != nil {
		return nil, err
	}
	b, err := f.Device.NewBuffer(label, size)
	if err == nil {
		if f.buffers == nil {
			f.buffers = map[*gpu.Buffer]bool{}
		}
		f.buffers[b] = true
	}
	return b, err
}

func (f *Failing) Free(b *gpu.Buffer) {
	delete(f.buffers, b)
	f.Device.Free(b)
}

func (f *Failing) Write(b *gpu.Buffer, offset int, data []byte) error {
	if err := f.fail(Write); err != nil {
		return err
	}
	return f.Device.Write(b, offset, data)
}

func (f *Failing) Submit(r *gpu.Recording) error {
	if err := f.fail(Submit); err != nil {
		return err
	}
	return f.Device.Submit(r)
}

func (f *Failing) Read(ctx context.Context, b *gpu.Buffer, offset int, dst []byte) error {
	if err := f.fail(Read); err != nil {
		return err
	}
	return f.Device.Read(ctx, b, offset, dst)
}

// BeginRead counts as a read when it is waited for.
func (f *Failing) BeginRead(b *gpu.Buffer, offset, n int) (gpu.Pending, error) {
	if f.lost {
		return nil, gpu.ErrDeviceLost
	}
	pending, err := f.Device.BeginRead(b, offset, n)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) ([]byte, error) {
		if ctx.Err() == nil {
			if err := f.fail(Read); err != nil {
				return nil, err
			}
		}
		return pending(ctx)
	}, nil
}
