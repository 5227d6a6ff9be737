package kernels

import (
	"math"

	"tokenselect/engine/gpu"
)

// AddParams are those of add.
type AddParams struct {
	N      uint32 // values of y
	Period uint32 // values of x
}

// elements is the number of values that a workgroup of an element-wise kernel
// takes, and that a twin takes as one item.
const elements = 256

var add = &gpu.Kernel{
	Name:     "add",
	Bindings: []gpu.Binding{in("x"), out("y")},
	Params:   sizeOf[AddParams](),
	WGSL:     wgsl("add", nil),
	Items:    func(c *gpu.Call) int { return ceil(int(params[AddParams](c).N), elements) },
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[AddParams](c)
		x, y := view[float32](c, 0), view[float32](c, 1)
		for i := lo * elements; i < min(hi*elements, int(p.N)); i++ {
			y[i] += x[i%int(p.Period)]
		}
	},
}

// Add records y[i] += x[i mod period] for n values: a residual where period is
// n, a bias where it is the length of a row. 256 values a workgroup.
func Add(r *gpu.Recording, x, y gpu.Range, n, period int) {
	need(r, add, 0, x, min(n, period))
	need(r, add, 1, y, n)
	gpu.Dispatch(r, add, ceil(n, elements), &AddParams{uint32(n), uint32(period)}, x, y)
}

// SwiGLUParams are those of swiglu.
type SwiGLUParams struct {
	Rows uint32
	Cols uint32 // values of gate, of up and of y in a row
}

var swiglu = &gpu.Kernel{
	Name:     "swiglu",
	Bindings: []gpu.Binding{in("x"), out("y")},
	Params:   sizeOf[SwiGLUParams](),
	WGSL:     wgsl("swiglu", nil),
	Items:    func(c *gpu.Call) int { return int(params[SwiGLUParams](c).Rows) },
	Twin: func(c *gpu.Call, lo, hi int) {
		cols := int(params[SwiGLUParams](c).Cols)
		x, y := view[float32](c, 0), view[float32](c, 1)
		for i := lo; i < hi; i++ {
			gate, up := x[2*i*cols:][:cols], x[(2*i+1)*cols:][:cols]
			for j, g := range gate {
				y[i*cols+j] = g / (1 + exp(-g)) * up[j]
			}
		}
	},
	Fast: fastSwiGLU,
}

// SwiGLU records y = silu(gate) * up, where a row of x is gate and then up, of
// cols values each, and y is [rows][cols]. 256 values a workgroup.
func SwiGLU(r *gpu.Recording, x, y gpu.Range, rows, cols int) {
	need(r, swiglu, 0, x, 2*rows*cols)
	need(r, swiglu, 1, y, rows*cols)
	gpu.Dispatch(r, swiglu, ceil(rows*cols, elements), &SwiGLUParams{uint32(rows), uint32(cols)}, x, y)
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }
func log(x float32) float32 { return float32(math.Log(float64(x))) }

// ArgmaxParams are those of argmax.
type ArgmaxParams struct {
	N      uint32
	Share  uint32 // values of a part
	Chosen uint32 // 1: the values are those of x at the indices of among
}

var argmax = &gpu.Kernel{
	Name:     "argmax",
	Bindings: []gpu.Binding{in("x"), in("among"), out("id")},
	Params:   sizeOf[ArgmaxParams](),
	WGSL:     wgsl("argmax", nil),
	Items: func(c *gpu.Call) int {
		p := params[ArgmaxParams](c)
		return ceil(int(p.N), int(p.Share))
	},
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[ArgmaxParams](c)
		x, among, id := view[float32](c, 0), view[uint32](c, 1), view[uint32](c, 2)
		for part := lo; part < hi; part++ {
			best, top := 0, float32(math.Inf(-1))
			for i := part * int(p.Share); i < min((part+1)*int(p.Share), int(p.N)); i++ {
				at := i
				if p.Chosen != 0 {
					at = int(among[i])
				}
				if x[at] > top {
					best, top = at, x[at]
				}
			}
			id[part] = uint32(best)
		}
	},
}

// How argmax shares its work.
const (
	argmaxShare = 4096  // values of a workgroup: as many as its invocations ask for at a time
	argmaxAlone = 16384 // up to so many, one workgroup takes less time than a second kernel
)

// ArgmaxWords is the size of what Argmax of n values needs between its two kernels,
// in words.
func ArgmaxWords(n int) int {
	if n <= argmaxAlone {
		return 1
	}
	return ceil(n, argmaxShare)
}

// Argmax records id[0] = the index of the largest of n values of x, the lowest
// such index; NaN is never the largest. Of many values a workgroup takes 4,096, and
// one more what they have found, in part, which holds ArgmaxWords.
func Argmax(r *gpu.Recording, x, part, id gpu.Range, n int) {
	parts := ArgmaxWords(n)
	need(r, argmax, 0, x, n)
	need(r, argmax, 1, part, parts)
	need(r, argmax, 2, id, 1)
	if parts == 1 {
		gpu.Dispatch(r, argmax, 1, &ArgmaxParams{uint32(n), uint32(n), 0}, x, part, id)
		return
	}
	gpu.Dispatch(r, argmax, parts, &ArgmaxParams{uint32(n), argmaxShare, 0}, x, x, part)
	gpu.Dispatch(r, argmax, 1, &ArgmaxParams{uint32(parts), uint32(parts), 1}, x, part, id)
}
