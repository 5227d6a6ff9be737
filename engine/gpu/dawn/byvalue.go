//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn

import (
	"runtime"
	"unsafe"
)

// withStruct is the arguments of a function that takes words and then a struct
// of size bytes, more than 16, by value. The System V ABI of amd64 puts such a
// struct on the stack, where the arguments after the sixth are; the other ABIs
// have the caller make a copy and pass its address. The struct must be pinned.
func withStruct(words []uintptr, s unsafe.Pointer, size uintptr) []uintptr {
	if runtime.GOARCH != "amd64" || runtime.GOOS == "windows" {
		return append(words, uintptr(s))
	}
	for len(words) < 6 {
		words = append(words, 0)
	}
	return append(words, unsafe.Slice((*uintptr)(s), size/unsafe.Sizeof(size))...)
}

// withPair is the arguments of a function that takes a struct of two words by
// value: two registers but on Windows for amd64.
func withPair(s unsafe.Pointer) []uintptr {
	if viewsByPointer {
		return []uintptr{uintptr(s)}
	}
	return unsafe.Slice((*uintptr)(s), 2)
}

// viewsByPointer: Windows for amd64 passes what does not fit a register by the
// address of a copy.
const viewsByPointer = runtime.GOOS == "windows" && runtime.GOARCH == "amd64"

// cCall is a call of a C function with at most six words and no result.
type cCall struct {
	f    uintptr
	args [6]uintptr
}
