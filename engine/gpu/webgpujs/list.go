//go:build js

package webgpujs

import "unsafe"

// The words of a list of commands; webgpu.js has the same numbers and tells what
// follows each.
const (
	opWrite = 1 + iota
	opMakeGroup
	opDropGroup
	opFree
	opSubmit
)

// Commands of a submit.
const (
	cmdPipeline = 1 + iota
	cmdGroup
	cmdParams
	cmdDispatch
	cmdCopy
)

// listMax is the words from which on a list is handed over at once, so that it
// does not grow without end.
const listMax = 1 << 16

// list is what the other half has not been told yet.
type list struct {
	words    []uint32
	commands []uint32 // of the submit being written
	params   []byte   // of it
	submits  int      // in words
}

func (l *list) op(op int, operands ...int) {
	l.words = append(l.words, uint32(op))
	for _, o := range operands {
		l.words = append(l.words, uint32(o))
	}
}

// bytes appends whole words of data.
func (l *list) bytes(data []byte) {
	at := len(l.words)
	l.words = append(l.words, make([]uint32, len(data)/4)...)
	if len(data) > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&l.words[at])), len(data)), data)
	}
}

// submit ends the submit being written.
func (l *list) submit() {
	l.op(opSubmit, len(l.params)/4)
	l.bytes(l.params)
	l.words = append(l.words, uint32(len(l.commands)))
	l.words = append(l.words, l.commands...)
	l.submits++
}

// place is where the words are in WebAssembly's memory and how many.
func (l *list) place() (at, n int) {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(l.words)))), len(l.words)
}

func (l *list) clear() { l.words, l.submits = l.words[:0], 0 }
