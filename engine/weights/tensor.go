package weights

import (
	"encoding/binary"
	"fmt"
	"math"

	"tokenselect/engine/f16"
)

// Type is how the values of a tensor are stored.
type Type uint8

// The types that are known. All are little-endian. Those in blocks are GGUF's, of
// 32 or 256 values along a row; blocks.go says what is in them.
const (
	F32  Type = iota
	F16       // IEEE 754 half precision
	BF16      // the upper half of a float32
	Q8_0      // 32 values of 8 bits and a scale
	Q4_0      // 32 values of 4 bits and a scale
	Q4_1      // 32 values of 4 bits, a scale and a minimum
	Q5_0      // as Q4_0, of 5 bits
	Q5_1      // as Q4_1, of 5 bits
	Q4_K      // 256 values of 4 bits, of which each 32 have a scale and a minimum of 6 bits
	Q5_K      // as Q4_K, of 5 bits
	Q6_K      // 256 values of 6 bits, of which each 16 have a scale of 8 bits
)

// format is what is to be known of a type.
type format struct {
	name        string
	block, size int                              // values and bytes of a block
	halves      []int                            // bytes of a block at which its float16 scale, then its minimum, stand
	decode      func(dst []float32, data []byte) // whole blocks
	encode      func(data []byte, src []float32) // likewise, rounded; nil where that is not supported
}

var formats = [...]format{
	F32:  {"F32", 1, 4, nil, decodeF32, encodeF32},
	F16:  {"F16", 1, 2, nil, decodeF16, encodeF16},
	BF16: {"BF16", 1, 2, nil, decodeBF16, encodeBF16},
	Q8_0: {"Q8_0", 32, 34, []int{0}, decodeQ8_0, encodeQ8_0},
	Q4_0: {"Q4_0", 32, 18, []int{0}, decodeQ4_0, encodeQ4_0},
	Q4_1: {"Q4_1", 32, 20, []int{0, 2}, decodeQ4_1, nil},
	Q5_0: {"Q5_0", 32, 22, []int{0}, decodeQ5_0, nil},
	Q5_1: {"Q5_1", 32, 24, []int{0, 2}, decodeQ5_1, nil},
	Q4_K: {"Q4_K", 256, 144, []int{0, 2}, decodeQ4_K, nil},
	Q5_K: {"Q5_K", 256, 176, []int{0, 2}, decodeQ5_K, nil},
	Q6_K: {"Q6_K", 256, 210, []int{208}, decodeQ6_K, nil},
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

	first int // values of the tensor that these are rows of which come before them, for errors
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

// Float32 is a copy of the values as float32: exact but for types with minimums,
// whose every value is the nearest.
func (t Tensor) Float32() ([]float32, error) {
	n, err := t.values()
	if err != nil {
		return nil, err
	}
	if t, err = t.Load(); err != nil {
		return nil, err
	}
	v := make([]float32, n)
	formats[t.Type].decode(v, t.Data)
	return v, nil
}

// atATime is the number of values that Convert has as float32 at a time: whole
// blocks of every type.
const atATime = 1 << 14

// Convert is t stored as another type, rounded to nearest. What is of that type
// already keeps its data. Q4_0 and Q5_0 become Q8_0 without rounding, and of Q4_K
// as Q4_1 only the scales and minimums are rounded, to float16. A value that the
// type cannot hold is an error.
func Convert(t Tensor, to Type) (Tensor, error) {
	if t.Type == to {
		return t.Load()
	}
	size, err := to.size(t.Shape)
	repack := repacked[[2]Type{t.Type, to}]
	if err == nil && repack == nil && formats[to].encode == nil {
		err = fmt.Errorf("rounding to %v is not supported", to)
	}
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	n, err := t.values()
	if err != nil {
		return Tensor{}, err
	}
	if t, err = t.Load(); err != nil {
		return Tensor{}, err
	}
	c := Tensor{Name: t.Name, Type: to, Shape: t.Shape, Data: make([]byte, size), first: t.first}
	if repack != nil {
		repack(c.Data, t.Data)
	} else {
		src, dst, v := t.Data, c.Data, make([]float32, min(n, atATime))
		from, as := formats[t.Type], formats[to]
		for ; n > 0; n -= len(v) {
			v = v[:min(n, len(v))]
			from.decode(v, src)
			as.encode(dst, v)
			src, dst = src[len(v)/from.block*from.size:], dst[len(v)/as.block*as.size:]
		}
	}
	if err := c.finite(); err != nil {
		return Tensor{}, fmt.Errorf("%w as %v", err, to)
	}
	return c, nil
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
	default:
		f := formats[t.Type]
		for i, half := range f.halves {
			for at := half; at < len(t.Data); at += f.size {
				if h := binary.LittleEndian.Uint16(t.Data[at:]); h&0x7c00 == 0x7c00 {
					return fmt.Errorf("tensor %s: the %s of block %d is %v", t.Name, [...]string{"scale", "minimum"}[i], t.first/f.block+at/f.size, f16.ToFloat32(h))
				}
			}
		}
	}
	if bad < 0 {
		return nil
	}
	f := formats[t.Type]
	var v [1]float32
	f.decode(v[:], t.Data[bad:])
	return fmt.Errorf("tensor %s: value %d is %v", t.Name, t.first+bad/f.size, v[0])
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
