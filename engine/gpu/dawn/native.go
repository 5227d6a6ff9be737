//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"context"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"tokenselect/engine/gpu"
)

// native is an instance of Dawn, and on it a device once one is open.
type native struct {
	lib      *library
	calls    callbacks
	number   uintptr // of state, for C
	state    *state
	instance handle
	device   handle
	queue    handle

	arraySize  bool // entries of bind group layouts have the field bindingArraySize
	timestamps bool // the device takes them
}

func newNative(lib *library) (*native, error) {
	n := &native{lib: lib, calls: makeCallbacks()}
	if n.makeInstance(unsafeToggles); n.instance == 0 {
		n.makeInstance(nil)
	}
	if n.instance == 0 {
		return nil, fmt.Errorf("dawn: %s makes no instance of WebGPU that can wait: it is of a version that this program does not know", lib.path)
	}
	n.number, n.state = newState()
	return n, nil
}

func (n *native) makeInstance(enabled []string) {
	var p pins
	defer p.Unpin()
	chain := p.toggles(enabled)
	if n.lib.GetInstanceCapabilities != 0 {
		n.instance = handle(call(n.lib.CreateInstance,
			pin(&p, &instanceCapabilities{next: chain, timedWaitAnyEnable: 1, timedWaitAnyMaxCount: 1})))
		return
	}
	feature := new(uint32)
	*feature = featureTimedWaitAny
	p.Pin(feature)
	n.instance = handle(call(n.lib.CreateInstance, pin(&p, &instanceFeatures{next: chain, count: 1, features: feature})))
}

// release gives back the device, if there is one, and the instance.
func (n *native) release() {
	if n.queue != 0 {
		call(n.lib.QueueRelease, uintptr(n.queue))
	}
	if n.device != 0 {
		call(n.lib.DeviceRelease, uintptr(n.device))
	}
	call(n.lib.InstanceRelease, uintptr(n.instance))
	dropState(n.number)
}

// callback is what to call when something is waited for.
func (n *native) callback(f uintptr) *callbackInfo {
	return &callbackInfo{mode: modeWaitAnyOnly, callback: f, user1: n.number}
}

// start calls a function that takes words and a callback, and returns a future.
func (n *native) start(f, callback uintptr, words ...uintptr) uint64 {
	var p pins
	defer p.Unpin()
	info := n.callback(callback)
	p.Pin(info)
	return uint64(call(f, withStruct(words, unsafe.Pointer(info), unsafe.Sizeof(*info))...))
}

// patience is how long one wait takes at most before it is looked whether there
// is still something to wait for.
const patience = 100 * time.Millisecond

// wait waits for a future. It ends early when ctx does.
func (n *native) wait(ctx context.Context, future uint64) error {
	if future == 0 {
		return fmt.Errorf("Dawn gives nothing to wait for")
	}
	var p pins
	defer p.Unpin()
	info := &futureWaitInfo{future: future}
	address := pin(&p, info)
	for {
		status := uint32(call(n.lib.InstanceWaitAny, uintptr(n.instance), 1, address, uintptr(patience.Nanoseconds())))
		if info.completed != 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := n.lost(); err != nil {
			return err
		}
		if status > statusSuccess+1 { // neither success nor a time that has run out
			return fmt.Errorf("waiting failed with status %d", status)
		}
	}
}

// await starts something and waits for what its callback leaves.
func (n *native) await(ctx context.Context, f, callback uintptr, words ...uintptr) (status uint32, object handle, text string, err error) {
	n.state.Lock()
	n.state.status, n.state.object, n.state.text = 0, 0, ""
	n.state.Unlock()
	if err := n.wait(ctx, n.start(f, callback, words...)); err != nil {
		return 0, 0, "", err
	}
	n.state.Lock()
	defer n.state.Unlock()
	return n.state.status, n.state.object, n.state.text, nil
}

// failure is an error that Dawn tells, in its words. The cause that callers
// branch on is wrapped.
func failure(kind uint32, text string) error {
	if kind == errorOutOfMemory {
		return fmt.Errorf("%w: %s", gpu.ErrOutOfMemory, oneLine(text))
	}
	return &complaint{text}
}

// lost says whether the device is gone, and why.
func (n *native) lost() error {
	n.state.Lock()
	defer n.state.Unlock()
	if !n.state.lost {
		return nil
	}
	return fmt.Errorf("%w: %s", gpu.ErrDeviceLost, plain(n.state.lostText))
}

// check returns err, or what went wrong since the last look beside it.
func (n *native) check(err error) error {
	if lost := n.lost(); lost != nil {
		return lost
	}
	n.state.Lock()
	defer n.state.Unlock()
	stray := n.state.err
	n.state.err = nil
	if err != nil {
		return err
	}
	return stray
}

// scoped runs f in error scopes and returns what they caught, or what else went
// wrong. Scopes are of the thread that opened them, so that f must stay on it.
func (n *native) scoped(f func(), filters ...uintptr) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, filter := range filters {
		call(n.lib.DevicePushErrorScope, uintptr(n.device), filter)
	}
	f()
	var first error
	for range filters {
		kind, _, text, err := n.await(context.Background(), n.lib.DevicePopErrorScope, n.calls.scope, uintptr(n.device))
		if err == nil && kind != errorNone {
			err = failure(kind, text)
		}
		if first == nil {
			first = err
		}
	}
	return n.check(first)
}

// made runs f, which makes an object, in scopes for all kinds of errors.
func (n *native) made(f func()) error {
	return n.scoped(f, filterInternal, filterOutOfMemory, filterValidation)
}

// finishWork waits until all that was submitted is done.
func (n *native) finishWork(ctx context.Context) error {
	return n.wait(ctx, n.start(n.lib.QueueOnSubmittedWorkDone, n.calls.done, uintptr(n.queue)))
}
