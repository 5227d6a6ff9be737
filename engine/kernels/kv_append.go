package kernels

import (
	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
)

// KVAppendParams are those of kv_append.
type KVAppendParams struct {
	Rows    uint32
	Stride  uint32 // values from row to row of qkv
	KOffset uint32 // of the keys in a row of qkv
	VOffset uint32 // of the values in a row of qkv
	Width   uint32 // values of a row of the cache: key heads * head size, even
	Row0    uint32 // first row of the cache to write
}

var kvAppend = &gpu.Kernel{
	Name:     "kv_append",
	Bindings: []gpu.Binding{in("qkv"), out("k"), out("v")},
	Params:   sizeOf[KVAppendParams](),
	WGSL:     wgsl("kv_append", nil),
	Items:    func(c *gpu.Call) int { return int(params[KVAppendParams](c).Rows) },
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[KVAppendParams](c)
		qkv, k, v, width := view[float32](c, 0), view[uint16](c, 1), view[uint16](c, 2), int(p.Width)
		for i := lo; i < hi; i++ {
			row, to := qkv[i*int(p.Stride):], (int(p.Row0)+i)*width
			for j := range width {
				k[to+j] = f16.FromFloat32(row[int(p.KOffset)+j])
				v[to+j] = f16.FromFloat32(row[int(p.VOffset)+j])
			}
		}
	},
	Fast: fastKVAppend,
}

// KVAppend records rows row0 to row0+rows-1 of a layer's cache, k and v, each
// [capacity][width] in float16, from the keys and values of qkv. Keys are
// stored before RoPE. 256 words a workgroup.
func KVAppend(r *gpu.Recording, qkv, k, v gpu.Range, rows, stride, kOffset, vOffset, width, row0 int) {
	need(r, kvAppend, 0, qkv, (rows-1)*stride+max(kOffset, vOffset)+width)
	need(r, kvAppend, 1, k, (row0+rows)*width/2)
	need(r, kvAppend, 2, v, (row0+rows)*width/2)
	p := KVAppendParams{uint32(rows), uint32(stride), uint32(kOffset), uint32(vOffset), uint32(width), uint32(row0)}
	gpu.Dispatch(r, kvAppend, ceil(rows*width/2, elements), &p, qkv, k, v)
}
