package kernels

import (
	"fmt"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
)

// WeightType is how a matrix is stored on the device.
type WeightType int

// The storage types of weights.
const (
	F32  WeightType = iota // one value a word
	F16                    // two values a word, the lower half first
	Q8_0                   // blocks of 32 values along a row: int8, four a word, and a float16 scale in a range of its own, two a word
	Q4_0                   // blocks of 32 values along a row: 16 bytes, whose lower halves are the first 16 values, each less 8, the upper ones the others; scales as of Q8_0
	Q4_1                   // as Q4_0, but each as it is, to which a minimum is added once it is scaled; a word of each block has both, float16, the scale first
)

func (t WeightType) String() string {
	if t < 0 || int(t) >= len(weightNames) {
		return fmt.Sprintf("type %d", int(t))
	}
	return weightNames[t]
}

var weightNames = [...]string{"f32", "f16", "q8_0", "q4_0", "q4_1"}

// weightTypes are all of them.
var weightTypes = [...]WeightType{F32, F16, Q8_0, Q4_0, Q4_1}

// blocks tells types in blocks, which have scales and rows of whole blocks.
func (t WeightType) blocks() bool { return t == Q8_0 || t == Q4_0 || t == Q4_1 }

// blockValues is the number of values of a block.
const blockValues = 32

// Weight is a matrix [Rows][Cols] on a device, cut into shards of whole rows
// where it exceeds what one binding can hold.
type Weight struct {
	Type       WeightType
	Rows, Cols int
	Shards     []Shard
}

// Shard is rows Row0 to Row0+Rows of a Weight.
type Shard struct {
	Row0, Rows int
	Data       gpu.Range
	Scale      gpu.Range // of types in blocks only
}

// DataWords and ScaleWords are the words that rows of a weight take.
func (t WeightType) DataWords(rows, cols int) int {
	switch t {
	case F16:
		return ceil(rows*cols, 2)
	case Q8_0:
		return rows * cols / 4
	case Q4_0, Q4_1:
		return rows * cols / 8
	}
	return rows * cols
}

// ScaleWords is the number of words of the scales; 0 but for types in blocks.
func (t WeightType) ScaleWords(rows, cols int) int {
	switch t {
	case Q8_0, Q4_0:
		return ceil(rows*cols/blockValues, 2)
	case Q4_1:
		return rows * cols / blockValues
	}
	return 0
}

// weightBindings are those of one shard, as the last of a kernel.
func (t WeightType) bindings(first ...gpu.Binding) []gpu.Binding {
	b := append(first, in("w"))
	if t.blocks() {
		b = append(b, in("w_scale"))
	}
	return b
}

// needShard fails the recording unless the ranges of a shard, bindings 2 and 3 of k, hold
// its rows.
func (w Weight) needShard(r *gpu.Recording, k *gpu.Kernel, s Shard) {
	need(r, k, 2, s.Data, w.Type.DataWords(s.Rows, w.Cols))
	if w.Type.blocks() {
		need(r, k, 3, s.Scale, w.Type.ScaleWords(s.Rows, w.Cols))
	}
}

// ranges are those of a kernel that reads a shard, in the order of its bindings:
// in, out, data and, of types in blocks, scale.
func (s Shard) ranges(in, out gpu.Range) (r [4]gpu.Range, n int) {
	if s.Scale.Buffer == nil {
		return [4]gpu.Range{in, out, s.Data}, 3
	}
	return [4]gpu.Range{in, out, s.Data, s.Scale}, 4
}

// decodeRow writes row r of the weight whose bindings start at w into dst.
func (t WeightType) decodeRow(dst []float32, c *gpu.Call, w, r int) {
	cols := len(dst)
	switch t {
	case F32:
		copy(dst, view[float32](c, w)[r*cols:])
	case F16:
		for i, h := range view[uint16](c, w)[r*cols:][:cols] {
			dst[i] = f16.ToFloat32(h)
		}
	case Q8_0:
		q, scale := view[int8](c, w)[r*cols:], view[uint16](c, w+1)[r*cols/blockValues:]
		for i := range dst {
			dst[i] = f16.ToFloat32(scale[i/blockValues]) * float32(q[i])
		}
	case Q4_0:
		q, scale := view[uint8](c, w)[r*cols/2:], view[uint16](c, w+1)[r*cols/blockValues:]
		for i := range dst {
			b, j := i/blockValues, i%blockValues
			bits := q[b*blockValues/2+j%16] >> (j / 16 * 4) & 15
			dst[i] = f16.ToFloat32(scale[b]) * float32(int(bits)-8)
		}
	case Q4_1:
		q, both := view[uint8](c, w)[r*cols/2:], view[uint16](c, w+1)[2*r*cols/blockValues:]
		for i := range dst {
			b, j := i/blockValues, i%blockValues
			bits := q[b*blockValues/2+j%16] >> (j / 16 * 4) & 15
			dst[i] = float32(f16.ToFloat32(both[2*b])*float32(bits)) + f16.ToFloat32(both[2*b+1])
		}
	}
}
