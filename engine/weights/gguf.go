package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	ggufMagic     = "GGUF"
	ggufAlignment = 32 // of tensors, unless general.alignment says otherwise
)

// ggufTypes are the tensor types that can be read, by GGUF's numbers.
var ggufTypes = map[uint32]Type{0: F32, 1: F16, 2: Q4_0, 3: Q4_1, 6: Q5_0, 7: Q5_1, 8: Q8_0, 12: Q4_K, 13: Q5_K, 14: Q6_K, 30: BF16}

// ggufTypeNames are those of types that are refused by name.
var ggufTypeNames = map[uint32]string{9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
	19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M",
	34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4"}

// ggufReader walks the beginning of a file with every length checked against
// what is left of it.
type ggufReader struct {
	data []byte
	size int64 // of the file
	at   int
	err  error
}

// errShort says that the beginning ends before the header does, and the file
// does not.
var errShort = errors.New("the header goes on")

func (r *ggufReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: "+format, append([]any{r.at}, args...)...)
	}
}

// bytes is the next n bytes, nil after an error.
func (r *ggufReader) bytes(n uint64) []byte {
	if left := uint64(r.size) - uint64(r.at); n > left {
		r.fail("%d bytes expected, %d left: the file is cut short or damaged", n, left)
	}
	if r.err == nil && n > uint64(len(r.data)-r.at) {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	b := r.data[r.at : r.at+int(n)]
	r.at += int(n)
	return b
}

func (r *ggufReader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *ggufReader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *ggufReader) string() string { return string(r.bytes(r.u64())) }

// scalarSizes are the bytes of a metadata value, by GGUF's type numbers.
var scalarSizes = map[uint32]uint64{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

const (
	ggufUint32 = 4
	ggufInt32  = 5
	ggufFloat  = 6
	ggufBool   = 7
	ggufString = 8
	ggufArray  = 9
)

// ggufNumbers is an array of numbers as it lies in the file. Boxing each would
// let a hostile file take many times its size of memory.
type ggufNumbers struct {
	kind uint32
	raw  []byte
}

// value is a metadata value: an int64, uint64, float64, bool or string, a slice
// of strings or ggufNumbers.
func (r *ggufReader) value(kind uint32) any {
	switch kind {
	case ggufString:
		return r.string()
	case ggufArray:
		return r.array()
	}
	size, ok := scalarSizes[kind]
	if !ok {
		r.fail("metadata value of type %d, expected 0 to 12", kind)
		return nil
	}
	b := r.bytes(size)
	if b == nil {
		return nil
	}
	var raw [8]byte
	copy(raw[:], b)
	u := binary.LittleEndian.Uint64(raw[:])
	switch kind {
	case 1:
		return int64(int8(u))
	case 3:
		return int64(int16(u))
	case ggufInt32:
		return int64(int32(u))
	case 11:
		return int64(u)
	case ggufFloat:
		return float64(math.Float32frombits(uint32(u)))
	case 12:
		return math.Float64frombits(u)
	case ggufBool:
		return u != 0
	}
	return u
}

func (r *ggufReader) array() any {
	kind, n := r.u32(), r.u64()
	least := scalarSizes[kind]
	switch kind {
	case ggufString:
		least = 8
	case ggufArray:
		r.fail("an array of arrays, expected one of strings or numbers")
		return nil
	}
	if least == 0 {
		r.fail("array of type %d, expected 0 to 8 or 10 to 12", kind)
	}
	if left := uint64(r.size) - uint64(r.at); r.err == nil && n > left/least {
		r.fail("array of %d values, more than the %d bytes left can hold", n, left)
	}
	if r.err == nil && n > uint64(len(r.data)-r.at)/least {
		r.err = errShort
	}
	if r.err != nil {
		return nil
	}
	if kind == ggufString {
		s := make([]string, 0, n)
		for range n {
			s = append(s, r.string())
		}
		return s
	}
	return ggufNumbers{kind, r.bytes(n * least)}
}

// typeNames lists the types that can be read.
func typeNames() string {
	names := ""
	for t := range len(formats) - 1 {
		names += Type(t).String() + ", "
	}
	return names[:len(names)-2] + " and " + Type(len(formats)-1).String()
}

// ggufFile is a GGUF file taken apart, its tensors under its own names.
type ggufFile struct {
	name    string // for errors
	meta    map[string]any
	keys    []string // of meta, in order
	tensors []Tensor // without data
	places  []place  // of their data in the file
}

// place is where something lies in a file.
type place struct {
	at   int64
	size int
}

// readGGUF takes a file of size bytes apart that begins with data; errShort says
// that more of it is needed.
func readGGUF(data []byte, size int64) (*ggufFile, error) {
	r := &ggufReader{data: data, size: size}
	if len(data) == 0 {
		return nil, fmt.Errorf("the file is empty")
	}
	if m := r.bytes(4); string(m) != ggufMagic {
		return nil, fmt.Errorf("starts with %q, expected %q", data[:min(4, len(data))], ggufMagic)
	}
	if v := r.u32(); r.err == nil && v != 2 && v != 3 {
		return nil, fmt.Errorf("GGUF version %d, expected 2 or 3", v)
	}
	tensors, pairs := r.u64(), r.u64()
	f := &ggufFile{meta: map[string]any{}}
	for i := uint64(0); i < pairs && r.err == nil; i++ {
		key := r.string()
		v := r.value(r.u32())
		if _, ok := f.meta[key]; ok {
			r.fail("metadata key %s occurs twice", key)
		}
		f.meta[key] = v
		f.keys = append(f.keys, key)
	}
	type entry struct {
		Tensor
		offset uint64
	}
	var entries []entry
	seen := map[string]bool{}
	for i := uint64(0); i < tensors && r.err == nil; i++ {
		e := entry{Tensor: Tensor{Name: r.string()}}
		dims := r.u32()
		if dims < 1 || dims > 4 {
			r.fail("tensor %s: %d dimensions, expected 1 to 4", e.Name, dims)
			break
		}
		e.Shape = make([]int, dims)
		for d := range e.Shape {
			n := r.u64()
			if n > math.MaxInt32 {
				r.fail("tensor %s: dimension of %d, expected at most %d", e.Name, n, math.MaxInt32)
			}
			e.Shape[len(e.Shape)-1-d] = int(n) // GGUF lists the innermost first
		}
		kind := r.u32()
		e.offset = r.u64()
		t, ok := ggufTypes[kind]
		if r.err == nil && !ok {
			name := ggufTypeNames[kind]
			if name == "" {
				name = "unknown"
			}
			return nil, fmt.Errorf("tensor %s: type %s (%d) is not supported; %s are", e.Name, name, kind, typeNames())
		}
		if seen[e.Name] {
			r.fail("tensor %s occurs twice", e.Name)
		}
		seen[e.Name], e.Type = true, t
		entries = append(entries, e)
	}
	if r.err != nil {
		return nil, r.err
	}
	align, err := f.alignment()
	if err != nil {
		return nil, err
	}
	start := (r.at + align - 1) / align * align
	body := uint64(max(0, size-int64(start)))
	var end uint64 // of the tensors so far, which follow each other
	for _, e := range entries {
		size, err := e.Type.size(e.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", e.Name, err)
		}
		if want := (end + uint64(align) - 1) / uint64(align) * uint64(align); e.offset != want {
			return nil, fmt.Errorf("tensor %s: offset %d, expected %d, behind the tensor before it", e.Name, e.offset, want)
		}
		if e.offset > body || uint64(size) > body-e.offset {
			return nil, fmt.Errorf("tensor %s: %d bytes at offset %d, expected within the %d bytes of data: the file is cut short or damaged", e.Name, size, e.offset, body)
		}
		end = e.offset + uint64(size)
		f.tensors = append(f.tensors, e.Tensor)
		f.places = append(f.places, place{int64(start) + int64(e.offset), size})
	}
	return f, nil
}

func (f *ggufFile) alignment() (int, error) {
	v, ok := f.meta["general.alignment"]
	if !ok {
		return ggufAlignment, nil
	}
	n, ok := v.(uint64)
	if !ok || n < 8 || n > 1<<16 || n&(n-1) != 0 {
		return 0, fmt.Errorf("general.alignment is %v, expected a power of two from 8 to 65536", v)
	}
	return int(n), nil
}
