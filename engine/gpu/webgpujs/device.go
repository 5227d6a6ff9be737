//go:build js

package webgpujs

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"

	"tokenselect/engine/gpu"
)

// Device is a gpu.Device on a GPUDevice of JavaScript.
type Device struct {
	host   methods
	info   gpu.Info
	closed bool
	lost   error // once the device is lost

	list    list
	buffers numbers[*buffer]
	pipes   map[*gpu.Kernel]*pipeline
	kernels int // pipelines that were given a number
	bound   groups
	submits int
	written int // bytes written since they were last waited for
}

// methods are the functions of the device's other half, found once.
type methods struct {
	newBuffer, compile, run, write, wait, takeError, cancel, importRows, timings, close js.Value
}

// Info describes the device.
func (d *Device) Info() gpu.Info { return d.info }

// Buffers is the number of buffers that have been made and not freed.
func (d *Device) Buffers() int { return d.buffers.used }

// usable says why nothing can be done with the device any more.
func (d *Device) usable() error {
	if d.closed {
		return errors.New("the device is closed")
	}
	return d.lost
}

// Close frees everything that belongs to the device.
func (d *Device) Close() {
	if d.closed {
		return
	}
	d.closed = true
	d.host.close.Invoke()
	d.buffers = numbers[*buffer]{}
	d.bound = newGroups()
	clear(d.pipes)
	d.list = list{}
}

// hand lets the other half play the list.
func (d *Device) hand() error {
	if len(d.list.words) == 0 {
		return nil
	}
	at, n := d.list.place()
	status := d.host.run.Invoke(at, n, 0).Int()
	d.list.clear()
	return d.status(status)
}

// status is the error that the other half has to tell.
func (d *Device) status(status int) error {
	if status == 0 {
		return nil
	}
	return d.failure(d.host.takeError.Invoke())
}

// wait waits for a request that the other half has begun.
func (d *Device) wait(ctx context.Context, r *request) error {
	if err := r.wait(ctx); err != nil {
		d.forget(r)
		return err
	}
	if r.failed {
		return d.failure(r.take())
	}
	return nil
}

// forget is for a request that nobody waits for any more.
func (d *Device) forget(r *request) {
	delete(requests, r.id)
	d.host.cancel.Invoke(r.id)
}

// failure is an error as the other half tells it. After one that is about
// commands, the bind groups that it may be about are made anew.
func (d *Device) failure(v js.Value) error {
	err := complaint(v)
	if errors.Is(err, gpu.ErrDeviceLost) {
		d.lost = err
		return err
	}
	d.dropGroups(nil)
	return err
}

// call begins work of the other half, with a request and args, and waits for its
// end.
func (d *Device) call(ctx context.Context, f js.Value, args ...any) error {
	r := newRequest()
	f.Invoke(append([]any{r.id}, args...)...)
	return d.wait(ctx, r)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("webgpujs: %s: %w", fmt.Sprintf(format, args...), err)
}
