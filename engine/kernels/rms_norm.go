package kernels

import (
	"math"

	"tokenselect/engine/gpu"
)

// RMSNormParams are those of rms_norm.
type RMSNormParams struct {
	Rows    uint32
	Cols    uint32
	XOffset uint32 // of the first row in x, in values
	Eps     float32
}

var rmsNorm = &gpu.Kernel{
	Name:     "rms_norm",
	Bindings: []gpu.Binding{in("x"), in("w"), out("y")},
	Params:   sizeOf[RMSNormParams](),
	WGSL:     wgsl("rms_norm", nil),
	Items:    func(c *gpu.Call) int { return int(params[RMSNormParams](c).Rows) },
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[RMSNormParams](c)
		x, w, y, cols := view[float32](c, 0)[p.XOffset:], view[float32](c, 1), view[float32](c, 2), int(p.Cols)
		for i := lo; i < hi; i++ {
			norm(y[i*cols:][:cols], x[i*cols:][:cols], w, p.Eps)
		}
	},
}

// RMSNorm records y = x / sqrt(mean(x^2) + eps) * w for each of rows rows of
// len(w) = cols values, the first at value xOffset of x. One workgroup a row.
func RMSNorm(r *gpu.Recording, x, w, y gpu.Range, rows, cols, xOffset int, eps float32) {
	need(r, rmsNorm, 0, x, xOffset+rows*cols)
	need(r, rmsNorm, 1, w, cols)
	need(r, rmsNorm, 2, y, rows*cols)
	gpu.Dispatch(r, rmsNorm, rows, &RMSNormParams{uint32(rows), uint32(cols), uint32(xOffset), eps}, x, w, y)
}

// norm is the root mean square normalisation of one row; y may be x.
func norm(y, x, w []float32, eps float32) {
	var sum float32
	for _, v := range x {
		sum += float32(v * v)
	}
	inv := float32(1 / math.Sqrt(float64(sum/float32(len(x))+eps)))
	for i, v := range x {
		y[i] = float32(v*inv) * w[i]
	}
}

// HeadNormParams are those of head_norm.
type HeadNormParams struct {
	Rows   uint32
	Heads  uint32
	D      uint32 // head size
	Stride uint32 // values from row to row of x
	Offset uint32 // of the first head in a row
	Eps    float32
}

var headNorm = &gpu.Kernel{
	Name:     "head_norm",
	Bindings: []gpu.Binding{out("x"), in("w")},
	Params:   sizeOf[HeadNormParams](),
	WGSL:     wgsl("head_norm", nil),
	Items:    func(c *gpu.Call) int { p := params[HeadNormParams](c); return int(p.Rows * p.Heads) },
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[HeadNormParams](c)
		x, w, heads, d := view[float32](c, 0), view[float32](c, 1), int(p.Heads), int(p.D)
		for i := lo; i < hi; i++ {
			head := x[i/heads*int(p.Stride)+int(p.Offset)+i%heads*d:][:d]
			norm(head, head, w, p.Eps)
		}
	},
}

// HeadNorm records RMSNorm in place over each head of x, as Qwen3 does with
// queries and keys: rows rows of stride values, in each heads heads of d values
// from offset on. One workgroup a head.
func HeadNorm(r *gpu.Recording, x, w gpu.Range, rows, heads, d, stride, offset int, eps float32) {
	need(r, headNorm, 0, x, (rows-1)*stride+offset+heads*d)
	need(r, headNorm, 1, w, d)
	gpu.Dispatch(r, headNorm, rows*heads, &HeadNormParams{uint32(rows), uint32(heads), uint32(d), uint32(stride), uint32(offset), eps}, x, w)
}
