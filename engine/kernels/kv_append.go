package kernels

import (
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

var kvAppend = [...]*gpu.Kernel{CacheF16: newKVAppend(CacheF16), CacheF32: newKVAppend(CacheF32)}

func newKVAppend(t CacheType) *gpu.Kernel {
	name := "kv_append_" + t.String()
	return &gpu.Kernel{
		Name:     name,
		Bindings: []gpu.Binding{in("qkv"), out("k"), out("v")},
		Params:   sizeOf[KVAppendParams](),
		WGSL:     wgsl(name, nil),
		Items:    func(c *gpu.Call) int { return int(params[KVAppendParams](c).Rows) },
		Twin: spare(func(c *gpu.Call, lo, hi int) {
			p := params[KVAppendParams](c)
			qkv, k, v, width := view[float32](c, 0), t.view(c, 1), t.view(c, 2), int(p.Width)
			for i := lo; i < hi; i++ {
				row, to := qkv[i*int(p.Stride):], (int(p.Row0)+i)*width
				k.write(to, row[p.KOffset:][:width])
				v.write(to, row[p.VOffset:][:width])
			}
		}),
		Fast: fastKVAppend(t),
	}
}

// KVAppend records rows row0 to row0+rows-1 of a layer's cache, k and v, each
// [capacity][width], from the keys and values of qkv. Keys are
// stored before RoPE. 256 pairs of values a workgroup.
func KVAppend(r *gpu.Recording, t CacheType, qkv, k, v gpu.Range, rows, stride, kOffset, vOffset, width, row0 int) {
	kern := kvAppend[t]
	need(r, kern, 0, qkv, (rows-1)*stride+max(kOffset, vOffset)+width)
	need(r, kern, 1, k, t.words((row0+rows)*width))
	need(r, kern, 2, v, t.words((row0+rows)*width))
	p := KVAppendParams{uint32(rows), uint32(stride), uint32(kOffset), uint32(vOffset), uint32(width), uint32(row0)}
	gpu.Dispatch(r, kern, ceil(rows*width/2, elements), &p, qkv, k, v)
}
