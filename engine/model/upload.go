package model

import (
	"encoding/binary"
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
	ckpt *weights.Model
	err  error
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
// that; bfloat16 becomes float16, which holds its every weight of ordinary size.
func (u *uploader) matrix(names ...string) kernels.Weight {
	ts := u.tensors(names)
	if u.err != nil {
		return kernels.Weight{}
	}
	w := kernels.Weight{Cols: ts[0].Shape[1], Type: storage(ts[0])}
	for _, t := range ts {
		w.Rows += t.Shape[0]
		if storage(t) != w.Type {
			w.Type = kernels.F32
		}
	}
	limits := u.dev.Info().Limits
	perRow := 4 * w.Type.DataWords(2, w.Cols) / 2
	shardRows := min(limits.Binding, limits.Buffer/2) / perRow &^ 1 // an even number keeps halves whole
	if shardRows < 1 {
		u.err = fmt.Errorf("tensor %s: rows of %d bytes, the device binds %d: %w", names[0], perRow, limits.Binding, gpu.ErrLimit)
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
	packed := make([]byte, size)
	data, scale := packed[:dataBytes], packed[min(scaleAt, size):]
	first := 0 // row of the whole at which the tensor starts
	for _, t := range ts {
		lo, hi := max(row0, first), min(row0+rows, first+t.Shape[0])
		if lo < hi && u.err == nil {
			u.err = pack(data, scale, w.Type, t, lo-first, hi-first, lo-row0)
		}
		first += t.Shape[0]
	}
	u.write(b, 0, packed)
	s := kernels.Shard{Row0: row0, Rows: rows, Data: gpu.Range{Buffer: b, Size: dataBytes}}
	if scaleBytes > 0 {
		s.Scale = gpu.Range{Buffer: b, Offset: scaleAt, Size: scaleBytes}
	}
	return s
}

// storage is how a tensor is kept on the device.
func storage(t weights.Tensor) kernels.WeightType {
	switch t.Type {
	case weights.Q8_0:
		return kernels.Q8_0
	case weights.F16:
		return kernels.F16
	case weights.BF16:
		for i := 0; i < len(t.Data); i += 2 {
			v := math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.Data[i:])) << 16)
			if v > 65504 || v < -65504 {
				return kernels.F32
			}
		}
		return kernels.F16
	}
	return kernels.F32
}

// pack writes rows lo to hi of t at row to of data (and scale) as type as.
func pack(data, scale []byte, as kernels.WeightType, t weights.Tensor, lo, hi, to int) error {
	cols := t.Shape[1]
	n := (hi - lo) * cols
	switch {
	case as == kernels.Q8_0:
		const block = 34 // a float16 scale and 32 values
		src := t.Data[lo*cols/32*block:][:n/32*block]
		data, scale = data[to*cols:], scale[to*cols/32*2:]
		for i := 0; len(src) > 0; i, src = i+1, src[block:] {
			copy(scale[2*i:], src[:2])
			copy(data[32*i:], src[2:block])
		}
		return nil
	case as == kernels.F16 && t.Type == weights.F16:
		copy(data[2*to*cols:], t.Data[2*lo*cols:2*hi*cols])
		return nil
	}
	rows := t
	rows.Shape = []int{hi - lo, cols}
	perRow := len(t.Data) / t.Shape[0]
	rows.Data = t.Data[lo*perRow : hi*perRow]
	v, err := rows.Float32()
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
