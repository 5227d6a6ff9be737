package kernels

import "tokenselect/engine/gpu"

// MatMulParams are those of matmul_* and matvec_*.
type MatMulParams struct {
	Rows    uint32 // of x; 1 for matvec
	K       uint32 // values summed over
	N       uint32 // rows of the weight, columns of y
	XOffset uint32 // of the first row in x, in values
	YStride uint32 // values from row to row of y
	YOffset uint32 // of the first column in a row of y
	Add     uint32 // 1: to what y holds
}

const (
	matMulTile = 64 // rows of x and of w that a workgroup of matmul multiplies
	matVecRows = 2  // rows of w that a workgroup of matvec multiplies
)

var (
	matMul = [...]*gpu.Kernel{F32: newMatMul(F32, "matmul_"), F16: newMatMul(F16, "matmul_"), Q8_0: newMatMul(Q8_0, "matmul_")}
	matVec = [...]*gpu.Kernel{F32: newMatMul(F32, "matvec_"), F16: newMatMul(F16, "matvec_"), Q8_0: newMatMul(Q8_0, "matvec_")}
)

func newMatMul(t WeightType, prefix string) *gpu.Kernel {
	name := prefix + t.String()
	return &gpu.Kernel{
		Name:     name,
		Bindings: t.bindings(in("x"), out("y")),
		Params:   sizeOf[MatMulParams](),
		WGSL:     wgsl(name, nil),
		Items:    func(c *gpu.Call) int { return int(params[MatMulParams](c).N) },
		Twin: func(c *gpu.Call, lo, hi int) {
			p := params[MatMulParams](c)
			x, y, k := view[float32](c, 0)[p.XOffset:], view[float32](c, 1), int(p.K)
			w := make([]float32, k)
			for n := lo; n < hi; n++ {
				t.decodeRow(w, c, 2, n)
				for i := range int(p.Rows) {
					at, v := i*int(p.YStride)+int(p.YOffset)+n, dot(x[i*k:][:k], w)
					if p.Add != 0 {
						v += y[at]
					}
					y[at] = v
				}
			}
		},
		Fast: fastMatMul(t),
	}
}

// dot is the inner product of vectors of one length, summed in order.
func dot(a, b []float32) float32 {
	var s float32
	for i, v := range a {
		s += float32(v * b[i])
	}
	return s
}

// MatMul records y = x wᵀ: x is rows rows of w.Cols values, the first at value
// xOffset; y is [rows][w.Rows]. Many rows go through tiles of 64 x 64, a single
// row through matvec, which takes 2 rows of w a workgroup.
func MatMul(r *gpu.Recording, w Weight, x, y gpu.Range, rows, xOffset int) {
	matMulInto(r, w, x, y, rows, xOffset, 0)
}

// MatMulAdd records y += x wᵀ, as MatMul has it: a projection back into the
// residual stream.
func MatMulAdd(r *gpu.Recording, w Weight, x, y gpu.Range, rows, xOffset int) {
	matMulInto(r, w, x, y, rows, xOffset, 1)
}

func matMulInto(r *gpu.Recording, w Weight, x, y gpu.Range, rows, xOffset int, add uint32) {
	for _, s := range w.Shards {
		k, groups := matMul[w.Type], ceil(rows, matMulTile)*ceil(s.Rows, matMulTile)
		if rows == 1 {
			k, groups = matVec[w.Type], ceil(s.Rows, matVecRows)
		}
		need(r, k, 0, x, xOffset+rows*w.Cols)
		need(r, k, 1, y, rows*w.Rows)
		need(r, k, 2, s.Data, w.Type.DataWords(s.Rows, w.Cols))
		if w.Type == Q8_0 {
			need(r, k, 3, s.Scale, w.Type.ScaleWords(s.Rows, w.Cols))
		}
		p := MatMulParams{uint32(rows), uint32(w.Cols), uint32(s.Rows), uint32(xOffset), uint32(w.Rows), uint32(s.Row0), add}
		gpu.Dispatch(r, k, groups, &p, s.ranges(x, y)...)
	}
}
