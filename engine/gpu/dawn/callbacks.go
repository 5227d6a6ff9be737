//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"fmt"
	"sync"

	"github.com/ebitengine/purego"
)

// state is what callbacks leave for the goroutine that uses a device. The
// library knows it by a number, and a number that is gone is ignored: a device
// may be lost at any time, also while it is being released, and on any thread.
type state struct {
	sync.Mutex
	lost     bool
	lostText string
	err      error // the first since the last look that no error scope has caught

	// Of the last thing that was waited for.
	status uint32
	object handle
	text   string
}

var states = struct {
	sync.Mutex
	last uintptr
	by   map[uintptr]*state
}{by: map[uintptr]*state{}}

func newState() (uintptr, *state) {
	states.Lock()
	defer states.Unlock()
	states.last++
	s := &state{}
	states.by[states.last] = s
	return states.last, s
}

func dropState(number uintptr) {
	states.Lock()
	defer states.Unlock()
	delete(states.by, number)
}

func stateOf(number uintptr) *state {
	states.Lock()
	defer states.Unlock()
	if s := states.by[number]; s != nil {
		return s
	}
	return &state{}
}

// callbacks are functions for C. There is a limited number of them in a
// process, so they are made once.
type callbacks struct{ object, lost, failed, scope, mapped, done uintptr }

var makeCallbacks = sync.OnceValue(func() callbacks {
	return callbacks{
		// An adapter or a device, or why there is none.
		object: textCallback(func(status, object, data, length, number uintptr) {
			s := stateOf(number)
			s.Lock()
			defer s.Unlock()
			s.status, s.object, s.text = uint32(status), handle(object), goString(data, length)
		}),
		lost: textCallback(func(_, reason, data, length, number uintptr) {
			s := stateOf(number)
			s.Lock()
			defer s.Unlock()
			s.lost, s.lostText = true, goString(data, length)
		}),
		failed: textCallback(func(_, kind, data, length, number uintptr) {
			s := stateOf(number)
			s.Lock()
			defer s.Unlock()
			if s.err == nil && uint32(kind) != errorNone {
				s.err = failure(uint32(kind), goString(data, length))
			}
		}),
		// What an error scope has caught: its kind takes the place of a status.
		scope: textCallback(func(status, kind, data, length, number uintptr) {
			s := stateOf(number)
			s.Lock()
			defer s.Unlock()
			s.status, s.text = uint32(kind), goString(data, length)
			if uint32(status) != statusSuccess {
				s.status, s.text = errorUnknown, fmt.Sprintf("error scope: status %d: %s", status, s.text)
			}
		}),
		mapped: statusCallback(func(status, data, length, number uintptr) {
			s := stateOf(number)
			s.Lock()
			defer s.Unlock()
			s.status, s.text = uint32(status), goString(data, length)
		}),
		// Only newer versions have text behind the status of this one, so that
		// nothing behind it can be told apart.
		done: purego.NewCallback(func(uintptr) uintptr { return 0 }),
	}
})

// textCallback is a C function of two words, a WGPUStringView and two words of
// user data, of which f gets the first.
func textCallback(f func(a, b, data, length, number uintptr)) uintptr {
	if viewsByPointer {
		return purego.NewCallback(func(a, b, view, number, _ uintptr) uintptr {
			v := (*cString)(addressed(view))
			f(a, b, v.data, v.length, number)
			return 0
		})
	}
	return purego.NewCallback(func(a, b, data, length, number, _ uintptr) uintptr {
		f(a, b, data, length, number)
		return 0
	})
}

// statusCallback is one of a single word in front of the text.
func statusCallback(f func(a, data, length, number uintptr)) uintptr {
	if viewsByPointer {
		return purego.NewCallback(func(a, view, number, _ uintptr) uintptr {
			v := (*cString)(addressed(view))
			f(a, v.data, v.length, number)
			return 0
		})
	}
	return purego.NewCallback(func(a, data, length, number, _ uintptr) uintptr {
		f(a, data, length, number)
		return 0
	})
}
