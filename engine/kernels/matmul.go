package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

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

// A multiplication is one kernel of a weight's type and how much of the work a
// workgroup takes.
type multiplication struct {
	kernel     *gpu.Kernel
	rows, cols int // of y
}

// manyRows is the number of rows of a weight from which on matvec shares a row
// among few invocations: there are then enough without, and fewer sums to add up
// at the end.
const manyRows = 8192

// manyTiles is the number of tiles from which on matmul_large is the faster: a
// large GPU has more than a hundred processors, and each should take several.
const manyTiles = 512

// multiplications of a type. Those of any hold rows of any length, the others
// rows of a multiple of 32 values, which are read four words at a time.
type multiplications struct {
	any         struct{ one, many multiplication }
	few, wide   multiplication // of one row of x with a few rows of a weight, and with many
	many, large multiplication // of many rows of x
}

var matMul = [...]multiplications{F32: newMultiplications(F32), F16: newMultiplications(F16), Q8_0: newMultiplications(Q8_0), Q4_0: newMultiplications(Q4_0), Q4_1: newMultiplications(Q4_1)}

func newMultiplications(t WeightType) (m multiplications) {
	if !t.blocks() {
		m.any.one = multiplication{newMatMul(t, "matvec_any_", nil), 1, 2}
		m.any.many = multiplication{newMatMul(t, "matmul_any_", nil), 64, 64}
	}
	if t != F32 {
		lanes := 128
		if t == Q4_0 || t == Q4_1 { // of which a row is half as many vectors
			lanes = 64
		}
		m.few, m.wide = newMatVec(t, lanes, 2), newMatVec(t, 32, 4)
		m.few.kernel.Variants = matVecSubgroup(t, lanes, 2)
		m.many = newMatMulTiles(t, "matmul_", 64)
		m.large = newMatMulTiles(t, "matmul_large_", 128)
	}
	return m
}

// newMatMulTiles is the kernel whose workgroups compute 64 rows and cols columns of y.
func newMatMulTiles(t WeightType, prefix string, cols int) multiplication {
	m := multiplication{newMatMul(t, prefix, nil), 64, cols}
	m.kernel.Variants = matMulMatrix(m.kernel.Name, m.rows, cols)
	return m
}

// newMatVec is the kernel whose 128 invocations go by lanes, each of them with
// rows rows of the weight.
func newMatVec(t WeightType, lanes, rows int) multiplication {
	consts := matVecConsts(128, lanes, rows)
	return multiplication{newMatMul(t, "matvec_", consts), 1, consts["OUTPUTS"]}
}

// matVecConsts are the numbers of lib/matvec with workgroups of width invocations.
func matVecConsts(width, lanes, rows int) map[string]int {
	groups := width / lanes
	outputs := groups * rows
	return map[string]int{"LANES": lanes, "ROWS": rows, "GROUPS": groups, "OUTPUTS": outputs, "PARTS": outputs * lanes}
}

// choose is the multiplication of rows rows of x, of which the first starts at
// value xOffset, with n rows of k values.
func (m *multiplications) choose(rows, n, k, xOffset int) multiplication {
	switch whole := m.many.kernel != nil && k%blockValues == 0 && xOffset%4 == 0; {
	case !whole && rows == 1:
		return m.any.one
	case !whole:
		return m.any.many
	case rows == 1 && n < manyRows:
		return m.few
	case rows == 1:
		return m.wide
	case ceil(rows, m.large.rows)*ceil(n, m.large.cols) < manyTiles:
		return m.many
	}
	return m.large
}

// matMuls are all of a type's kernels.
func matMuls(t WeightType) (all []*gpu.Kernel) {
	m := &matMul[t]
	for _, x := range []multiplication{m.any.one, m.any.many, m.few, m.wide, m.many, m.large} {
		if x.kernel != nil {
			all = append(all, x.kernel)
		}
	}
	return all
}

func newMatMul(t WeightType, prefix string, consts map[string]int) *gpu.Kernel {
	name := prefix + t.String()
	return &gpu.Kernel{
		Name:     name,
		Bindings: t.bindings(in("x"), out("y")),
		Params:   sizeOf[MatMulParams](),
		WGSL:     wgsl(name, consts),
		Items:    func(c *gpu.Call) int { return int(params[MatMulParams](c).N) },
		Twin: spare(func(c *gpu.Call, lo, hi int) {
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
		}),
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
// xOffset; y is [rows][w.Rows]. Many rows go through tiles of 64 x 64 or, of a
// large weight, 64 x 128; a single row through matvec. Of a weight in blocks
// xOffset is a multiple of 4.
func MatMul(r *gpu.Recording, w Weight, x, y gpu.Range, rows, xOffset int) {
	matMulInto(r, w, x, y, rows, xOffset, 0)
}

// MatMulLarge is MatMul in tiles of 64 x 128 however few there are, of a weight in
// blocks or of float16 with rows of a multiple of 32 values.
func MatMulLarge(r *gpu.Recording, w Weight, x, y gpu.Range, rows, xOffset int) {
	for _, s := range w.Shards {
		matMul[w.Type].large.record(r, w, s, x, y, rows, xOffset, 0)
	}
}

// MatMulAdd records y += x wᵀ, as MatMul has it: a projection back into the
// residual stream.
func MatMulAdd(r *gpu.Recording, w Weight, x, y gpu.Range, rows, xOffset int) {
	matMulInto(r, w, x, y, rows, xOffset, 1)
}

func matMulInto(r *gpu.Recording, w Weight, x, y gpu.Range, rows, xOffset int, add uint32) {
	if w.Type.blocks() && (w.Cols%blockValues != 0 || xOffset%4 != 0) {
		r.Fail(fmt.Errorf("kernels: matmul_%v: rows of %d values from %d on, expected multiples of %d and 4", w.Type, w.Cols, xOffset, blockValues))
		return
	}
	for _, s := range w.Shards {
		matMul[w.Type].choose(rows, s.Rows, w.Cols, xOffset).record(r, w, s, x, y, rows, xOffset, add)
	}
}

// record multiplies by one shard.
func (m multiplication) record(r *gpu.Recording, w Weight, s Shard, x, y gpu.Range, rows, xOffset int, add uint32) {
	k := m.kernel
	need(r, k, 0, x, xOffset+rows*w.Cols)
	need(r, k, 1, y, rows*w.Rows)
	w.needShard(r, k, s)
	p := MatMulParams{uint32(rows), uint32(w.Cols), uint32(s.Rows), uint32(xOffset), uint32(w.Rows), uint32(s.Row0), add}
	ranges, n := s.ranges(x, y)
	gpu.Dispatch(r, k, ceil(rows, m.rows)*ceil(s.Rows, m.cols), &p, ranges[:n]...)
}
