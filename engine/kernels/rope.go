package kernels

import (
	"math"

	"tokenselect/engine/gpu"
)

// RopeTable is rows 0 to positions-1 of the table of rotary angles that rope
// and attention read, [positions][d]: the cosines of the d/2 pairs, then the
// sines, both times scale, which is 1 but with YaRN. An angle is the float32 product
// of position and frequency, as the reference implementations of the models compute it.
func RopeTable(invFreq []float32, positions int, scale float32) []float32 {
	half := len(invFreq)
	table := make([]float32, positions*2*half)
	for p := range positions {
		row := table[p*2*half:]
		for i, f := range invFreq {
			a := float64(float32(p) * f)
			row[i], row[half+i] = float32(math.Cos(a))*scale, float32(math.Sin(a))*scale
		}
	}
	return table
}

// RopeParams are those of rope.
type RopeParams struct {
	Rows   uint32
	Heads  uint32
	D      uint32 // head size
	Stride uint32 // values from row to row of x; those of y are Heads*D
	Pos    uint32 // position of row 0
	UseMid uint32 // 1: add the selection's number of rows to the position
}

var rope = &gpu.Kernel{
	Name:     "rope",
	Bindings: []gpu.Binding{in("x"), in("table"), in("state"), out("y")},
	Params:   sizeOf[RopeParams](),
	WGSL:     wgsl("rope", nil),
	Items:    func(c *gpu.Call) int { return int(params[RopeParams](c).Rows) },
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[RopeParams](c)
		x, table, state, y := view[float32](c, 0), view[float32](c, 1), view[uint32](c, 2), view[float32](c, 3)
		heads, d, pos := int(p.Heads), int(p.D), int(p.Pos)
		if p.UseMid != 0 {
			pos += int(state[stateMid])
		}
		for i := lo; i < hi; i++ {
			angles := table[(pos+i)*d:][:d]
			for h := range heads {
				rotate(y[(i*heads+h)*d:][:d], x[i*int(p.Stride)+h*d:][:d], angles)
			}
		}
	},
}

// rotate turns one head x by a row of a RopeTable, pairing (i, i+d/2).
func rotate(y, x, angles []float32) {
	half := len(x) / 2
	for i := range half {
		cos, sin, a, b := angles[i], angles[half+i], x[i], x[half+i]
		y[i] = float32(a*cos) - float32(b*sin)
		y[half+i] = float32(b*cos) + float32(a*sin)
	}
}

// Rope records y = the queries of x, rotated: row i by position pos+i, plus the
// number of selected rows in state where useMid is true. Queries are the first
// heads*d of the stride values in a row of x; y is [rows][heads][d]. The table
// must hold the largest position. 256 pairs a workgroup.
func Rope(r *gpu.Recording, x, table, state, y gpu.Range, rows, heads, d, stride, pos int, useMid bool) {
	need(r, rope, 0, x, (rows-1)*stride+heads*d)
	need(r, rope, 1, table, (pos+rows)*d)
	need(r, rope, 2, state, stateWords)
	need(r, rope, 3, y, rows*heads*d)
	p := RopeParams{uint32(rows), uint32(heads), uint32(d), uint32(stride), uint32(pos), 0}
	if useMid {
		p.UseMid = 1
	}
	gpu.Dispatch(r, rope, ceil(rows*heads*d/2, elements), &p, x, table, state, y)
}

// MeanRowsParams are those of mean_rows.
type MeanRowsParams struct {
	Rows uint32
	Cols uint32
}

// meanColumns are those of a workgroup of mean_rows.
const meanColumns = 16

var meanRows = &gpu.Kernel{
	Name:     "mean_rows",
	Bindings: []gpu.Binding{in("x"), out("y")},
	Params:   sizeOf[MeanRowsParams](),
	WGSL:     wgsl("mean_rows", nil),
	Items:    func(c *gpu.Call) int { return ceil(int(params[MeanRowsParams](c).Cols), meanColumns) },
	Twin: func(c *gpu.Call, lo, hi int) {
		p := params[MeanRowsParams](c)
		x, y, cols := view[float32](c, 0), view[float32](c, 1), int(p.Cols)
		for j := lo * meanColumns; j < min(hi*meanColumns, cols); j++ {
			var s float32
			for i := range int(p.Rows) {
				s += x[i*cols+j]
			}
			y[j] = s / float32(p.Rows)
		}
	},
}

// MeanRows records y[j] = mean over rows of x[i][j]: the probe of a chunk is
// the mean of its queries (paper, section 3.2). 16 columns a workgroup.
func MeanRows(r *gpu.Recording, x, y gpu.Range, rows, cols int) {
	need(r, meanRows, 0, x, rows*cols)
	need(r, meanRows, 1, y, cols)
	gpu.Dispatch(r, meanRows, ceil(cols, meanColumns), &MeanRowsParams{uint32(rows), uint32(cols)}, x, y)
}
