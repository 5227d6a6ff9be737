package model

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
	"tokenselect/engine/weights"
)

// uploader puts tensors on the device and keeps the first error.
type uploader struct {
	*Model
	ckpt   *weights.Model
	limits gpu.Limits // of the device
	dry    bool       // bytes are counted and nothing is done: there need be no device
	err    error

	data, scale []byte // of a piece, kept for their memory
}

// zeros is n of them, in the memory of b if that is enough.
func zeros(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	b = b[:n]
	clear(b)
	return b
}

func (u *uploader) tensors(names []string) []weights.Tensor {
	if u.err != nil {
		return nil
	}
	ts := make([]weights.Tensor, len(names))
	for i, n := range names {
		t, ok := u.ckpt.Tensors[n]
		if !ok {
			u.err = fmt.Errorf("tensor %s is missing", n)
			return nil
		}
		ts[i] = t
	}
	return ts
}

func (u *uploader) buffer(label string, size int) *gpu.Buffer {
	if u.err != nil {
		return nil
	}
	if u.dry {
		u.bytes += int64(size)
		return nil
	}
	b, err := u.dev.NewBuffer(label, size)
	if err != nil {
		u.err = fmt.Errorf("tensor %s: %w", label, err)
		return nil
	}
	u.buffers = append(u.buffers, b)
	u.bytes += int64(size)
	return b
}

func (u *uploader) write(b *gpu.Buffer, offset int, data []byte) {
	if u.err == nil && len(data) > 0 {
		if err := u.dev.Write(b, offset, data); err != nil {
			u.err = fmt.Errorf("tensor %s: %w", b.Label, err)
		}
	}
}

// vector uploads tensors one behind the other as float32.
func (u *uploader) vector(names ...string) gpu.Range {
	if u.dry {
		size := 0
		for _, t := range u.tensors(names) {
			size += 4 * t.Shape[0]
		}
		u.buffer(names[0], size)
		return gpu.Range{}
	}
	var data []byte
	for _, t := range u.tensors(names) {
		v, err := t.Float32()
		if err != nil {
			u.err = err
			return gpu.Range{}
		}
		data = append(data, asBytes(v)...)
	}
	if u.err != nil {
		return gpu.Range{}
	}
	b := u.buffer(names[0], len(data))
	u.write(b, 0, data)
	if u.err != nil {
		return gpu.Range{}
	}
	return gpu.All(b)
}

// matrix uploads matrices of one width as one, rows behind rows, so that one
// product serves them all. It is kept as it is stored where the kernels can read
// that, as storage has it otherwise. Of several types in blocks all become Q8_0.
func (u *uploader) matrix(names ...string) kernels.Weight {
	ts := u.tensors(names)
	if u.err != nil {
		return kernels.Weight{}
	}
	w := kernels.Weight{Cols: ts[0].Shape[1]}
	for i, t := range ts {
		as, err := storage(t, u.dry)
		if err != nil {
			u.err = err
			return w
		}
		w.Rows += t.Shape[0]
		if i == 0 {
			w.Type = as
		} else if as != w.Type {
			w.Type = common(w.Type, as)
		}
	}
	perRow := 4 * w.Type.DataWords(2, w.Cols) / 2
	shardRows := min(u.limits.Binding, u.limits.Buffer/2) / perRow &^ 1 // an even number keeps halves whole
	if shardRows < 1 {
		u.err = fmt.Errorf("tensor %s: rows of %d bytes, the device binds %d: %w", names[0], perRow, u.limits.Binding, gpu.ErrLimit)
		return w
	}
	for row := 0; row < w.Rows; row += shardRows {
		w.Shards = append(w.Shards, u.shard(w, ts, row, min(shardRows, w.Rows-row)))
	}
	return w
}

// shard uploads rows row0 to row0+rows of the tensors taken as one matrix.
func (u *uploader) shard(w kernels.Weight, ts []weights.Tensor, row0, rows int) kernels.Shard {
	dataBytes, scaleBytes := 4*w.Type.DataWords(rows, w.Cols), 4*w.Type.ScaleWords(rows, w.Cols)
	scaleAt := (dataBytes + 255) &^ 255
	size := dataBytes
	if scaleBytes > 0 {
		size = scaleAt + scaleBytes
	}
	b := u.buffer(ts[0].Name, size)
	if u.err != nil || u.dry {
		return kernels.Shard{}
	}
	segs := segments(ts, row0, rows)
	if !u.importing(b, scaleAt, w, segs) {
		u.pack(b, scaleAt, w, segs, rows)
	}
	s := kernels.Shard{Row0: row0, Rows: rows, Data: gpu.Range{Buffer: b, Size: dataBytes}}
	if scaleBytes > 0 {
		s.Scale = gpu.Range{Buffer: b, Offset: scaleAt, Size: scaleBytes}
	}
	return s
}

// segment is rows lo to hi of a tensor, which become rows of a shard from to on.
type segment struct {
	t          weights.Tensor
	lo, hi, to int
}

// segments are the parts of ts, taken as one matrix, that make up its rows row0
// to row0+rows.
func segments(ts []weights.Tensor, row0, rows int) []segment {
	var segs []segment
	first := 0 // row of the whole at which the tensor starts
	for _, t := range ts {
		lo, hi := max(row0, first), min(row0+rows, first+t.Shape[0])
		if lo < hi {
			segs = append(segs, segment{t, lo - first, hi - first, lo - row0})
		}
		first += t.Shape[0]
	}
	return segs
}

// block is the bytes of a block of 32 values of a type: scale bytes of its scale, and
// minimum where it has one, then what kernels keep apart from them. 0 of a type
// without blocks.
func block(t kernels.WeightType) (size, scale int) {
	scale = 4 * t.ScaleWords(2, 32) / 2
	if scale == 0 {
		return 0, 0
	}
	return scale + 4*t.DataWords(1, 32), scale
}

// inBlocks are the types of checkpoints that are as the kernels keep them.
var inBlocks = map[kernels.WeightType]weights.Type{kernels.Q8_0: weights.Q8_0, kernels.Q4_0: weights.Q4_0, kernels.Q4_1: weights.Q4_1}

// common is how tensors are kept together of which some would be kept as a and
// some as b.
func common(a, b kernels.WeightType) kernels.WeightType {
	sizeA, _ := block(a)
	sizeB, _ := block(b)
	if sizeA > 0 && sizeB > 0 {
		return kernels.Q8_0
	}
	return kernels.F32
}

// importing lets the device fetch the weights by itself, where it can and they
// are kept as they are stored. It reports whether that was so.
func (u *uploader) importing(b *gpu.Buffer, scaleAt int, w kernels.Weight, segs []segment) bool {
	dev, ok := u.dev.(gpu.Importer)
	if !ok {
		return false
	}
	imports := make([]gpu.Import, len(segs))
	for i, s := range segs {
		if imports[i], ok = s.imported(scaleAt, w.Type); !ok || imports[i].Validate(b) != nil {
			return false
		}
	}
	for i, from := range imports {
		err := dev.Import(context.Background(), b, from)
		if err == nil {
			continue
		}
		s := segs[i]
		u.err = fmt.Errorf("tensor %s: %w", s.t.Name, err)
		var bad *gpu.ValueError
		if errors.As(err, &bad) {
			if _, scale := block(w.Type); scale > 0 {
				halves := scale / 2
				u.err = fmt.Errorf("tensor %s: the %s of block %d is not finite", s.t.Name, [...]string{"scale", "minimum"}[bad.Value%halves], s.lo*w.Cols/32+bad.Value/halves)
			} else {
				u.err = fmt.Errorf("tensor %s: value %d is not finite", s.t.Name, s.lo*w.Cols+bad.Value)
			}
		}
		break
	}
	return true
}

// imported is how a device fetches a segment that is kept as it is stored.
func (s segment) imported(scaleAt int, as kernels.WeightType) (gpu.Import, bool) {
	file, cols := s.t.File, s.t.Shape[1]
	if file == nil || file.Blob == nil {
		return gpu.Import{}, false
	}
	from := gpu.Import{Blob: file.Blob, At: file.At, Rows: s.hi - s.lo}
	kept, blocks := inBlocks[as]
	switch {
	case blocks && kept == s.t.Type:
		size, scale := block(as)
		from.Block, from.RowBytes = size, cols/32*size
		from.Parts = []gpu.Part{
			{Skip: scale, Take: size - scale, Offset: s.to * cols / 32 * (size - scale)},
			{Take: scale, Offset: scaleAt + s.to*cols/32*scale, Check: gpu.FiniteFloat16},
		}
	case as == kernels.F16 && s.t.Type == weights.F16:
		from.Block, from.RowBytes = 2*cols, 2*cols
		from.Parts = []gpu.Part{{Take: 2 * cols, Offset: 2 * s.to * cols, Check: gpu.FiniteFloat16}}
	case as == kernels.F32 && s.t.Type == weights.F32:
		from.Block, from.RowBytes = 4*cols, 4*cols
		from.Parts = []gpu.Part{{Take: 4 * cols, Offset: 4 * s.to * cols, Check: gpu.FiniteFloat32}}
	default:
		return from, false
	}
	if file.Order != nil {
		from.Order = file.Order[s.lo:s.hi]
	} else {
		from.At += int64(s.lo) * int64(from.RowBytes)
	}
	return from, true
}

// piece is the bytes of a shard that are packed at a time.
const piece = 2 << 20

// pack writes segments to b, which has rows rows, piece by piece: a model whose
// weights are read as they are needed is never in memory as a whole.
func (u *uploader) pack(b *gpu.Buffer, scaleAt int, w kernels.Weight, segs []segment, rows int) {
	step := max(2, piece/(4*w.Type.DataWords(2, w.Cols)/2)&^1) // an even number keeps halves whole
	for first := 0; first < rows && u.err == nil; first += step {
		n := min(step, rows-first)
		u.data, u.scale = zeros(u.data, 4*w.Type.DataWords(n, w.Cols)), zeros(u.scale, 4*w.Type.ScaleWords(n, w.Cols))
		for _, s := range segs {
			lo, hi := max(first, s.to), min(first+n, s.to+s.hi-s.lo)
			if lo < hi && u.err == nil {
				u.err = pack(u.data, u.scale, w.Type, s.t, s.lo+lo-s.to, s.lo+hi-s.to, lo-first)
			}
		}
		u.write(b, 4*w.Type.DataWords(first, w.Cols), u.data)
		u.write(b, scaleAt+4*w.Type.ScaleWords(first, w.Cols), u.scale)
	}
}

// storage is how a tensor is kept on the device: as it is where kernels read that.
// Q4_K becomes Q4_1, whose blocks have float16 in place of its two steps of scales,
// and types of 5 and 6 bits Q8_0 (NOTES.md of package weights has what that costs);
// bfloat16 becomes float16, which holds its every weight of ordinary size.
//
// Unseen, its values are taken to be of ordinary size.
func storage(t weights.Tensor, unseen bool) (kernels.WeightType, error) {
	switch t.Type {
	case weights.Q8_0, weights.Q5_0, weights.Q5_1, weights.Q5_K, weights.Q6_K:
		return kernels.Q8_0, nil
	case weights.Q4_0:
		return kernels.Q4_0, nil
	case weights.Q4_1, weights.Q4_K:
		return kernels.Q4_1, nil
	case weights.F16:
		return kernels.F16, nil
	case weights.BF16:
		step := max(1, piece/(2*t.Shape[1]))
		for lo := 0; lo < t.Shape[0] && !unseen; lo += step {
			rows, err := t.Rows(lo, min(lo+step, t.Shape[0]))
			if err != nil {
				return 0, err
			}
			for i := 0; i < len(rows.Data); i += 2 {
				v := math.Float32frombits(uint32(binary.LittleEndian.Uint16(rows.Data[i:])) << 16)
				if v > 65504 || v < -65504 {
					return kernels.F32, nil
				}
			}
		}
		return kernels.F16, nil
	}
	return kernels.F32, nil
}

// pack writes rows lo to hi of t at row to of data (and scale) as type as.
func pack(data, scale []byte, as kernels.WeightType, t weights.Tensor, lo, hi, to int) error {
	t, err := t.Rows(lo, hi)
	if err != nil {
		return err
	}
	cols := t.Shape[1]
	kept, blocks := inBlocks[as]
	switch {
	case blocks:
		if t, err = weights.Convert(t, kept); err != nil {
			return err
		}
		size, scales := block(as)
		values := size - scales
		data, scale = data[to*cols/32*values:], scale[to*cols/32*scales:]
		for i, src := 0, t.Data; len(src) > 0; i, src = i+1, src[size:] {
			copy(scale[scales*i:], src[:scales])
			copy(data[values*i:], src[scales:size])
		}
		return nil
	case as == kernels.F16 && t.Type == weights.F16:
		copy(data[2*to*cols:], t.Data)
		return nil
	}
	v, err := t.Float32()
	if err != nil {
		return err
	}
	if as == kernels.F32 {
		copy(data[4*to*cols:], asBytes(v))
		return nil
	}
	for i, f := range v {
		binary.LittleEndian.PutUint16(data[2*(to*cols+i):], f16.FromFloat32(f))
	}
	return nil
}

func asBytes(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
