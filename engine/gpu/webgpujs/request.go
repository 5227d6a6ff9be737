//go:build js

package webgpujs

import (
	"context"
	"syscall/js"
)

// request is something that the other half does while Go waits.
type request struct {
	id     uint32
	ended  chan struct{}
	failed bool
	dst    []byte // what it writes to, kept alive for it
}

// Requests that have not ended, by their numbers, which all devices share. Only
// one thread runs Go here.
var (
	requests    = map[uint32]*request{}
	lastRequest uint32
)

func newRequest() *request {
	for lastRequest++; lastRequest == 0 || requests[lastRequest] != nil; {
		lastRequest++
	}
	r := &request{id: lastRequest, ended: make(chan struct{}, 1)}
	requests[r.id] = r
	return r
}

// done is called when a request has ended. It only makes the goroutine ready
// that waits: JavaScript then resumes Go. That is one crossing, for Go's look at
// pending events, where a js.Func costs eight to fetch its arguments.
//
//go:wasmexport tokenselect_gpu_done
func done(id, status uint32) {
	r := requests[id]
	if r == nil {
		return
	}
	delete(requests, id)
	r.failed = status != 0
	r.ended <- struct{}{}
}

// wait returns ctx's error when that ends first; the device must then forget the
// request.
func (r *request) wait(ctx context.Context) error {
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take fetches what came of it.
func (r *request) take() js.Value { return host.Get("take").Invoke(r.id) }
