//go:build (darwin || linux) && (amd64 || arm64) && !nodawn

package dawn

import "unsafe"

// callAll makes calls in order. All of them cross into C at once, as a crossing
// costs more than most of the calls themselves.
func callAll(list []cCall) {
	if len(list) == 0 {
		return
	}
	var p pins
	defer p.Unpin()
	call(callEach, pin(&p, unsafe.SliceData(list)), uintptr(len(list)))
}

// callEach is the address of a C function of the address and the number of
// cCalls, in batch_amd64.s and batch_arm64.s.
var callEach uintptr
