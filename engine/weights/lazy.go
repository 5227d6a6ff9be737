package weights

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// File is where the data of a tensor lies that has not been read.
type File struct {
	Blob  any      // the file, as OpenGGUF was given it
	At    int64    // the byte at which the first row in the file begins
	Order []uint32 // the row of the file that each row of the tensor is; nil: in order

	r io.ReaderAt
}

// viewer is a file whose bytes can be had without a copy.
type viewer interface {
	view(at int64, n int) ([]byte, error)
}

// read is n bytes of the file.
func (f *File) read(at int64, n int) ([]byte, error) {
	if v, ok := f.r.(viewer); ok {
		return v.view(at, n)
	}
	data := make([]byte, n)
	return data, readFull(f.r, data, at)
}

// A header is read in steps, and up to a size that no vocabulary reaches.
const (
	firstHeader = 1 << 20
	mostHeader  = 256 << 20
)

// OpenGGUF reads the header of a GGUF file of size bytes and leaves the weights
// where they are: tensors have a File in place of Data. blob is handed on in it,
// for a device that can fetch weights by itself. name is for errors and reports.
func OpenGGUF(name string, r io.ReaderAt, size int64, blob any) (*Model, error) {
	return OpenGGUFParts(name, Part{name, r, size, blob})
}

// Part is one of the files that a checkpoint may be split into.
type Part struct {
	Name string // for errors
	R    io.ReaderAt
	Size int64
	Blob any // as OpenGGUF has it
}

// OpenGGUFParts is OpenGGUF of a checkpoint that is split into several files,
// given in any order.
func OpenGGUFParts(name string, parts ...Part) (*Model, error) {
	files := make([]*ggufFile, len(parts))
	for i, p := range parts {
		var err error
		if files[i], err = p.read(); err != nil {
			return nil, fmt.Errorf("weights: %s: %w", p.Name, err)
		}
	}
	return newModel(name, files)
}

// read takes the header of a part apart.
func (p Part) read() (*ggufFile, error) {
	if p.Size < 0 {
		return nil, fmt.Errorf("%d bytes, expected a file", p.Size)
	}
	for n := int64(firstHeader); ; n *= 4 {
		head := make([]byte, min(n, p.Size))
		if err := readFull(p.R, head, 0); err != nil {
			return nil, err
		}
		f, err := readGGUF(head, p.Size)
		if err == nil {
			for i, at := range f.places {
				f.tensors[i].File = &File{Blob: p.Blob, At: at.at, r: p.R}
			}
			f.name = p.Name
			return f, nil
		}
		if !errors.Is(err, errShort) {
			return nil, err
		}
		if n >= mostHeader {
			return nil, fmt.Errorf("a header of more than %d MiB, expected one of a vocabulary and a list of tensors", n>>20)
		}
	}
}

func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at %d: %w", len(b), at, err)
}

// Load is t with its Data, read from its File where it is still there.
func (t Tensor) Load() (Tensor, error) {
	if t.File == nil {
		return t, nil
	}
	size, err := t.Type.size(t.Shape)
	if err != nil {
		return t, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	if len(t.Shape) == 2 && t.Shape[0] > 0 {
		return t.Rows(0, t.Shape[0])
	}
	data, err := t.File.read(t.File.At, size)
	if err != nil {
		return t, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	t.Data, t.File = data, nil
	return t, t.finite()
}

// Rows is rows lo to hi of a matrix, with their Data.
func (t Tensor) Rows(lo, hi int) (Tensor, error) {
	if len(t.Shape) != 2 || lo < 0 || hi < lo || hi > t.Shape[0] {
		return t, fmt.Errorf("tensor %s: rows %d to %d of shape %v", t.Name, lo, hi, t.Shape)
	}
	row, ok := t.Type.rowBytes(t.Shape[1])
	if !ok {
		return t, fmt.Errorf("tensor %s: shape %v is not possible for %v", t.Name, t.Shape, t.Type)
	}
	file := t.File
	t.Shape, t.first = []int{hi - lo, t.Shape[1]}, t.first+lo*t.Shape[1]
	if file == nil {
		t.Data = t.Data[lo*row : hi*row : hi*row]
		return t, nil
	}
	first, end := lo, hi
	if file.Order != nil && lo < hi {
		first, end = Span(file.Order[lo:hi])
	}
	data, err := file.read(file.At+int64(first)*int64(row), (end-first)*row)
	if err != nil {
		return t, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	t.Data, t.File = data, nil
	if file.Order != nil {
		t.Data = gather(data, row, file.Order[lo:hi], first)
	}
	return t, t.finite()
}

// Span is the first of the rows and the one behind the last.
func Span(rows []uint32) (first, end int) {
	first, end = int(rows[0]), int(rows[0])+1
	for _, r := range rows {
		first, end = min(first, int(r)), max(end, int(r)+1)
	}
	return first, end
}

// gather is rows of data, which begins with row first.
func gather(data []byte, row int, rows []uint32, first int) []byte {
	out := make([]byte, len(rows)*row)
	for i, r := range rows {
		copy(out[i*row:(i+1)*row], data[(int(r)-first)*row:])
	}
	return out
}

// reorder is the matrix t whose row i is row order[i] of t.
func (t Tensor) reorder(order []uint32) (Tensor, error) {
	if t.File == nil {
		t.Data = gather(t.Data, len(t.Data)/t.Shape[0], order, 0)
		return t, nil
	}
	file := *t.File
	if before := file.Order; before != nil {
		order = slices.Clone(order)
		for i, r := range order {
			order[i] = before[r]
		}
	}
	file.Order = order
	t.File = &file
	return t, nil
}
