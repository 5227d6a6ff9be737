package kernels

import "tokenselect/engine/gpu"

// NormMatVecParams are those of norm_matvec_*.
type NormMatVecParams struct {
	K       uint32 // values summed over
	N       uint32 // rows of the weight
	XOffset uint32 // of x, in values, a multiple of 4
	YOffset uint32 // of the first row's product in y and in bias
	Bias    uint32 // 1: there is one
	Eps     float32
}

// Norm is a root mean square normalisation that comes before a projection: of rows
// of X, the first at value Offset, with one Gain for each column.
type Norm struct {
	X, Gain gpu.Range
	Offset  int
	Eps     float32
}

// normMatVecs are the kernels of a type: for a weight of few rows, and for gate and up
// of few rows and of many. Many rows without a gate take longer in one kernel.
type normMatVecs struct{ few, gateFew, gateWide multiplication }

// mostNormed is how many values a row has at most that norm_matvec normalises, which a
// workgroup keeps in its memory: half of what WebGPU promises, so that several run side by
// side.
const mostNormed = 2048

var normMatVec = [...]normMatVecs{F16: newNormMatVecs(F16), Q8_0: newNormMatVecs(Q8_0), Q4_0: newNormMatVecs(Q4_0), Q4_1: newNormMatVecs(Q4_1)}

func newNormMatVecs(t WeightType) normMatVecs {
	return normMatVecs{newNormMatVec(t, 64, 2, false), newNormMatVec(t, 64, 2, true), newNormMatVec(t, 32, 4, true)}
}

// all are the kernels of a type.
func (m *normMatVecs) all() []*gpu.Kernel {
	return []*gpu.Kernel{m.few.kernel, m.gateFew.kernel, m.gateWide.kernel}
}

// gate is the one for n rows of gate and up.
func (m *normMatVecs) gate(n int) multiplication {
	if n < manyRows {
		return m.gateFew
	}
	return m.gateWide
}

// newNormMatVec is the kernel whose 256 invocations go by lanes, each of them with rows
// rows of the weight; with gate the weight is gate and up, and half of its rows are items.
func newNormMatVec(t WeightType, lanes, rows int, gate bool) multiplication {
	const (
		width   = 256 // invocations of a workgroup, which bring x to its memory
		eighths = 8   // of which sum up a row
	)
	name, consts := "norm_matvec_"+t.String(), matVecConsts(width, lanes, rows)
	outputs := consts["OUTPUTS"]
	consts["GATE"], consts["PARTS"], consts["SQUARES"] = 0, outputs*lanes+width, outputs*eighths
	consts["EIGHTHS"], consts["SCALED"] = (outputs+1)*eighths, mostNormed/4
	if gate {
		consts["GATE"] = 1
	}
	return multiplication{&gpu.Kernel{
		Name:     name,
		Bindings: append(t.bindings(in("x"), out("y")), in("gain"), in("bias")),
		Params:   sizeOf[NormMatVecParams](),
		WGSL:     wgsl(name, consts),
		Items: func(c *gpu.Call) int {
			n := int(params[NormMatVecParams](c).N)
			if gate {
				return n / 2
			}
			return n
		},
		Twin: spare(func(c *gpu.Call, lo, hi int) {
			p := params[NormMatVecParams](c)
			x, w := make([]float32, p.K), make([]float32, p.K)
			normalised(c, t, x)
			product := func(row int) float32 {
				t.decodeRow(w, c, 2, row)
				return dot(x, w)
			}
			y := view[float32](c, 1)[p.YOffset:]
			for i := lo; i < hi; i++ {
				y[i] = product(i)
				switch {
				case gate:
					y[i] = y[i] / (1 + exp(-y[i])) * product(int(p.N/2)+i)
				case p.Bias != 0:
					y[i] += view[float32](c, t.gain()+1)[int(p.YOffset)+i]
				}
			}
		}),
		Fast: fastNormMatVec(t, gate),
	}, 1, outputs}
}

// gain is the binding of the gain of norm_matvec; that of the bias is the next.
func (t WeightType) gain() int {
	if t.blocks() {
		return 4
	}
	return 3
}

// normalised writes x of a call of norm_matvec to dst as it is multiplied.
func normalised(c *gpu.Call, t WeightType, dst []float32) {
	p := params[NormMatVecParams](c)
	norm(dst, view[float32](c, 0)[p.XOffset:][:p.K], view[float32](c, t.gain()), p.Eps)
}

// NormMatMul records y = n(x) wᵀ + bias, where n is RMSNorm of x and there need be no
// bias: y is [rows][w.Rows]. A single row goes through one kernel if the weight has
// fewer than 8,192 rows, of a multiple of 32 values, 2,048 at most, and not of float32,
// and x begins at a multiple of 4; h stays as it is. Else each step goes through its own,
// and the normalised rows are left in h.
func NormMatMul(r *gpu.Recording, x Norm, w Weight, bias, h, y gpu.Range, rows int) {
	if rows == 1 && w.Rows < manyRows && w.fuses(x) {
		for _, s := range w.Shards {
			normMatVec[w.Type].few.recordNorm(r, x, w, s, bias, y, w.Rows)
		}
		return
	}
	RMSNorm(r, x.X, x.Gain, h, rows, w.Cols, x.Offset, x.Eps)
	MatMul(r, w, h, y, rows, 0)
	if bias.Buffer != nil {
		Add(r, bias, y, rows*w.Rows, w.Rows)
	}
}

// NormSwiGLU records y = silu(gate) * up of gateUp = n(x) wᵀ + bias, where w has the
// rows of gate and then those of up: y is [rows][w.Rows/2]. A single row goes through
// one kernel as in NormMatMul, of however many rows, if there is no bias and the weight
// is in one shard; h and gateUp stay as they are. Else h is as after NormMatMul and the
// products are left in gateUp, [rows][w.Rows].
func NormSwiGLU(r *gpu.Recording, x Norm, w Weight, bias, h, gateUp, y gpu.Range, rows int) {
	if rows == 1 && w.fuses(x) && len(w.Shards) == 1 && bias.Buffer == nil {
		normMatVec[w.Type].gate(w.Rows).recordNorm(r, x, w, w.Shards[0], bias, y, w.Rows/2)
		return
	}
	NormMatMul(r, x, w, bias, h, gateUp, rows)
	SwiGLU(r, gateUp, y, rows, w.Rows/2)
}

// fuses tells whether there is a kernel that multiplies what it normalises.
func (w Weight) fuses(x Norm) bool {
	return w.Type != F32 && w.Cols%blockValues == 0 && w.Cols <= mostNormed && x.Offset%4 == 0
}

// recordNorm is record with the normalisation, for n values of y.
func (m multiplication) recordNorm(r *gpu.Recording, x Norm, w Weight, s Shard, bias, y gpu.Range, n int) {
	k := m.kernel
	need(r, k, 0, x.X, x.Offset+w.Cols)
	need(r, k, 1, y, n)
	w.needShard(r, k, s)
	ranges, gain := [6]gpu.Range{x.X, y, s.Data}, w.Type.gain()
	if w.Type.blocks() {
		ranges[3] = s.Scale
	}
	need(r, k, gain, x.Gain, w.Cols)
	p := NormMatVecParams{uint32(w.Cols), uint32(s.Rows), uint32(x.Offset), uint32(s.Row0), 1, x.Eps}
	if bias.Buffer == nil {
		p.Bias, bias = 0, x.Gain
	} else {
		need(r, k, gain+1, bias, w.Rows)
	}
	ranges[gain], ranges[gain+1] = x.Gain, bias
	gpu.Dispatch(r, k, ceil(s.Rows, m.cols), &p, ranges[:gain+2]...)
}
