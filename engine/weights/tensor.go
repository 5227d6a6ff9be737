package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"tokenselect/engine/f16"
)

// Type is how the values of a tensor are stored.
type Type uint8

// The types that are known. All are little-endian.
const (
	F32  Type = iota
	F16       // IEEE 754 half precision
	BF16      // the upper half of a float32
	Q8_0      // GGUF's blocks of 32 values along a row: a float16 scale, then 32 int8
	Q4_0      // as Q8_0, but 16 bytes, whose lower halves are the first 16 values, each less 8, the upper ones the others; of random weights only
)

var formats = [...]struct {
	name        string
	block, size int // values and bytes of a block
}{
	F32:  {"F32", 1, 4},
	F16:  {"F16", 1, 2},
	BF16: {"BF16", 1, 2},
	Q8_0: {"Q8_0", blockValues, blockBytes},
	Q4_0: {"Q4_0", blockValues, halfBlockBytes},
}

func (t Type) String() string {
	if int(t) >= len(formats) {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return formats[t].name
}

// Tensor is an array of a checkpoint.
type Tensor struct {
	Name  string // as in Hugging Face checkpoints: model.layers.0.self_attn.q_proj.weight
	Type  Type
	Shape []int  // outer dimension first: [out, in]
	Data  []byte // row after row; it may be a part of the file that was read. Nil where File has it

	File *File // where the data still is; nil where Data has it
}

// rowBytes is the number of bytes that a row of cols values takes; ok is false
// where that is no whole number of blocks.
func (t Type) rowBytes(cols int) (n int, ok bool) {
	if int(t) >= len(formats) || cols < 0 || cols > math.MaxInt/8 || cols%formats[t].block != 0 {
		return 0, false
	}
	return cols / formats[t].block * formats[t].size, true
}

// size is the number of bytes that values of that shape take. It fails where
// rows are no whole number of blocks, or memory could not hold them.
func (t Type) size(shape []int) (int, error) {
	cols := 1
	if len(shape) > 0 {
		cols = shape[len(shape)-1]
	}
	n, ok := t.rowBytes(cols)
	if !ok {
		return 0, fmt.Errorf("shape %v is not possible for %v", shape, t)
	}
	for _, d := range shape[:max(0, len(shape)-1)] {
		if d < 0 || n > 0 && d > math.MaxInt/4/n {
			return 0, fmt.Errorf("shape %v is not possible for %v", shape, t)
		}
		n *= d
	}
	return n, nil
}

// values is their number, once the data is known to have all of them.
func (t Tensor) values() (int, error) {
	size, err := t.Type.size(t.Shape)
	if err == nil && t.File == nil && size != len(t.Data) {
		err = fmt.Errorf("%d bytes, expected %d for %v of shape %v", len(t.Data), size, t.Type, t.Shape)
	}
	if err != nil {
		return 0, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return size / formats[t.Type].size * formats[t.Type].block, nil
}

// Float32 is a copy of the values as float32, exact for all types.
func (t Tensor) Float32() ([]float32, error) {
	n, err := t.values()
	if err != nil {
		return nil, err
	}
	if t, err = t.Load(); err != nil {
		return nil, err
	}
	v := make([]float32, n)
	switch t.Type {
	case F32:
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
	case F16:
		for i := range v {
			v[i] = f16.ToFloat32(binary.LittleEndian.Uint16(t.Data[2*i:]))
		}
	case BF16:
		for i := range v {
			v[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.Data[2*i:])) << 16)
		}
	case Q8_0:
		dequantise(v, t.Data)
	case Q4_0:
		dequantise4(v, t.Data)
	}
	return v, nil
}

// Convert is t stored as another type, rounded to nearest. What is of that type
// already keeps its data. A value that the type cannot hold is an error.
func Convert(t Tensor, to Type) (Tensor, error) {
	if t.Type == to {
		return t.Load()
	}
	size, err := to.size(t.Shape)
	if err == nil && to == Q4_0 {
		err = fmt.Errorf("rounding to %v is not supported", to)
	}
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	v, err := t.Float32()
	if err != nil {
		return Tensor{}, err
	}
	c := Tensor{Name: t.Name, Type: to, Shape: t.Shape, Data: make([]byte, size)}
	switch to {
	case F32:
		for i, f := range v {
			binary.LittleEndian.PutUint32(c.Data[4*i:], math.Float32bits(f))
		}
	case F16:
		for i, f := range v {
			binary.LittleEndian.PutUint16(c.Data[2*i:], f16.FromFloat32(f))
		}
	case BF16:
		for i, f := range v {
			b := math.Float32bits(f)
			if f == f {
				b += 0x7fff + b>>16&1
			}
			binary.LittleEndian.PutUint16(c.Data[2*i:], uint16(b>>16))
		}
	case Q8_0:
		quantise(c.Data, v)
	}
	if err := c.finite(); err != nil {
		return Tensor{}, fmt.Errorf("%w as %v", err, to)
	}
	return c, nil
}

const (
	blockValues    = 32
	blockBytes     = 2 + blockValues   // of Q8_0
	halfBlockBytes = 2 + blockValues/2 // of Q4_0
)

// quantise writes v as Q8_0: d = max|v|/127 of a block, kept as float16, and
// v/d rounded half away from zero. The values are divided by the float32 d, not
// by the rounded one, as llama.cpp does: the same weights give the same file.
func quantise(dst []byte, v []float32) {
	for ; len(v) > 0; v, dst = v[blockValues:], dst[blockBytes:] {
		var largest float32
		for _, x := range v[:blockValues] {
			// the negation lets a NaN through to the scale, where it is found
			if a := float32(math.Abs(float64(x))); !(a <= largest) {
				largest = a
			}
		}
		d := largest / 127
		var inverse float32
		if d >= 0x1p-126 { // below, 1/d may overflow, and d is 0 as a float16
			inverse = 1 / d
		}
		binary.LittleEndian.PutUint16(dst, f16.FromFloat32(d))
		for i, x := range v[:blockValues] {
			q := float64(float32(x * inverse))
			dst[2+i] = byte(int8(math.Copysign(math.Floor(float64(float32(math.Abs(q))+0.5)), q)))
		}
	}
}

func dequantise(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[blockValues:], data[blockBytes:] {
		d := f16.ToFloat32(binary.LittleEndian.Uint16(data))
		for i, q := range data[2:blockBytes] {
			dst[i] = d * float32(int8(q))
		}
	}
}

func dequantise4(dst []float32, data []byte) {
	for ; len(dst) > 0; dst, data = dst[blockValues:], data[halfBlockBytes:] {
		d := f16.ToFloat32(binary.LittleEndian.Uint16(data))
		for i, q := range data[2:halfBlockBytes] {
			dst[i], dst[i+blockValues/2] = d*float32(int(q&15)-8), d*float32(int(q>>4)-8)
		}
	}
}

// finite is an error when a value is a NaN or infinite, as a flipped bit makes
// it: one such weight silently turns every logit into NaN.
func (t Tensor) finite() error {
	bad := -1
	switch t.Type {
	case F32:
		bad = fullExponent(t.Data, 4, 0x7f800000_7f800000, 0x00800000_00800000)
	case F16:
		bad = fullExponent(t.Data, 2, 0x7c00_7c00_7c00_7c00, 0x0400_0400_0400_0400)
	case BF16:
		bad = fullExponent(t.Data, 2, 0x7f80_7f80_7f80_7f80, 0x0080_0080_0080_0080)
	case Q8_0, Q4_0:
		size := formats[t.Type].size
		for at := 0; at < len(t.Data); at += size {
			if h := binary.LittleEndian.Uint16(t.Data[at:]); h&0x7c00 == 0x7c00 {
				return fmt.Errorf("tensor %s: the scale of block %d is %v", t.Name, at/size, f16.ToFloat32(h))
			}
		}
	}
	if bad < 0 {
		return nil
	}
	one := Tensor{Type: t.Type, Shape: []int{1}, Data: t.Data[bad:][:formats[t.Type].size]}
	v, err := one.Float32()
	if err != nil {
		return err
	}
	return fmt.Errorf("tensor %s: value %d is %v", t.Name, bad/len(one.Data), v[0])
}

// fullExponent is the offset of the first value of size bytes with all bits of
// its exponent set, -1 where there is none. mask has the bits of the exponent
// and one the lowest of them, for each of the values in 8 bytes: the sum carries
// into the sign bit just where the exponent is full.
func fullExponent(data []byte, size int, mask, one uint64) int {
	sign := mask + one
	at := 0
	for ; at+8 <= len(data); at += 8 {
		if (binary.LittleEndian.Uint64(data[at:])&mask+one)&sign != 0 {
			break
		}
	}
	for ; at < len(data); at += size {
		var b [8]byte
		copy(b[:size], data[at:])
		if (binary.LittleEndian.Uint64(b[:])&mask+one)&sign&(1<<(8*size)-1) != 0 {
			return at
		}
	}
	return -1
}
