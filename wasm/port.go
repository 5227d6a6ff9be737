//go:build js

package main

import (
	"fmt"
	"syscall/js"
	"time"
	"unsafe"

	"tokenselect/engine/trace"
)

// port is the worker's end of the messages. A message costs one call into
// JavaScript, which reads it from Go's memory.
type port struct {
	host     js.Value // globalThis.tokenselect, made by boot.js
	post     js.Value
	commands chan trace.Command
	blobs    map[int]js.Value // the model files of load commands, by their ids

	buf []byte // the event being sent, kept for its memory

	computing bool // on the CPU: JavaScript gets a turn only when Go pauses
	paused    time.Time
}

func newPort() *port {
	p := &port{host: js.Global().Get("tokenselect"), commands: make(chan trace.Command, 64), blobs: map[int]js.Value{}}
	p.post = p.host.Get("post")
	// A command is an object and, with load, an array of the model's files as Blobs.
	p.host.Set("command", js.FuncOf(func(_ js.Value, args []js.Value) any {
		c, err := readCommand(args[0])
		if err == nil && c.Type == trace.Load && len(args) > 1 {
			p.blobs[c.ID] = args[1]
		}
		if err == nil {
			select {
			case p.commands <- c:
			default:
				err = fmt.Errorf("%s: %d commands are waiting already", c.Type, cap(p.commands))
			}
		}
		if err != nil {
			_ = p.send(trace.Event{Type: trace.Failed, ID: c.ID, Error: &trace.Error{Code: trace.BadCommand, Message: err.Error()}})
		}
		return nil
	}))
	p.host.Set("inspect", js.FuncOf(inspect))
	return p
}

func (p *port) ready() { p.host.Call("ready") }

// send hands an event to JavaScript. There is nothing that could fail: the page
// is there as long as the worker is.
func (p *port) send(e trace.Event) error {
	p.buf = e.Append(p.buf[:0])
	raw := p.buf
	p.post.Invoke(uintptr(unsafe.Pointer(unsafe.SliceData(raw))), len(raw))
	return nil
}

// between is how long the CPU device computes before messages get a turn.
const between = 20 * time.Millisecond

// woken tells pause that JavaScript had its turn.
var woken = make(chan struct{}, 1)

// wake is called by boot.js, which then resumes Go: that costs less than a
// js.Func, whose every argument is fetched one by one.
//
//go:wasmexport tokenselect_wake
func wake() {
	select {
	case woken <- struct{}{}:
	default:
	}
}

// pause lets commands in while the CPU device computes: a Stop would wait for
// the whole answer otherwise. A GPU device needs none of it, since every wait
// for the GPU is a pause.
func (p *port) pause() {
	if !p.computing || time.Since(p.paused) < between {
		return
	}
	p.host.Call("pause")
	<-woken
	p.paused = time.Now()
}
