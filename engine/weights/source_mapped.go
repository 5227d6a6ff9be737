//go:build linux || darwin || windows

package weights

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/edsrzf/mmap-go"
)

// mapped is a file whose contents are in the address space: what is read of it is
// not copied, and takes no memory that the system could not have back.
type mapped struct {
	*os.File
	data mmap.MMap
	seen atomic.Int64 // bytes that were handed out since resident ones were dropped
}

// openSource opens a file to be read as it is needed.
func openSource(path string) (interface {
	io.ReaderAt
	io.Closer
}, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	if info.Size() == 0 || int64(int(info.Size())) != info.Size() {
		return f, info.Size(), nil
	}
	data, err := mmap.Map(f, mmap.RDONLY, 0)
	if err != nil { // of a file system that maps none
		return f, info.Size(), nil
	}
	return &mapped{File: f, data: data}, info.Size(), nil
}

// resident is the number of bytes after which those that have been read are
// dropped. They count as the program's memory otherwise until the system wants it
// for others, so that a model would seem to take its size twice while it is loaded.
const resident = 1 << 20

// view is n bytes of the file without a copy, until it is closed. A page of a file
// that has become shorter is not there to be read, which would end the process, so
// that its size is asked for first.
func (m *mapped) view(at int64, n int) ([]byte, error) {
	info, err := m.Stat()
	if err != nil {
		return nil, err
	}
	if size := info.Size(); at > size-int64(n) || at > int64(len(m.data)-n) {
		return nil, fmt.Errorf("reading %d bytes at %d: the file has %d: %w", n, at, size, io.ErrUnexpectedEOF)
	}
	if m.seen.Add(int64(n)) > resident {
		m.seen.Store(int64(n))
		drop(m.data)
	}
	return m.data[at : at+int64(n) : at+int64(n)], nil
}

// Close unmaps the file.
func (m *mapped) Close() error {
	err := m.data.Unmap()
	if other := m.File.Close(); err == nil {
		err = other
	}
	return err
}
