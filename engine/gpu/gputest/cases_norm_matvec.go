package gputest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(projectionCases) }

// projection is normalised rows times a weight: with a bias, or as gate and up.
type projection struct {
	matrix
	of         int // rows of x
	offset     int // of x
	bias, gate bool
}

func projectionCases() []Case {
	var cases []Case
	add := func(m matrix, offset int) {
		cases = append(cases, projection{m, 1, offset, false, false}.toCase(""), projection{m, 1, offset, true, false}.toCase(""))
		if m.rows%2 == 0 {
			cases = append(cases, projection{m, 1, offset, false, true}.toCase(""))
		}
	}
	// What no kernel normalises and multiplies in one: float32, other lengths, long rows,
	// rows that do not begin at a vector.
	add(matrix{kernels.F32, 34, 96, []int{34}}, 0)
	add(matrix{kernels.F16, 34, 35, []int{34}}, 0)
	add(matrix{kernels.F16, 34, 96, []int{34}}, 3)
	add(matrix{kernels.Q8_0, 34, 2080, []int{34}}, 0)
	// Nor several rows, or gate and up with a bias.
	m := matrix{kernels.Q8_0, 34, 96, []int{34}}
	for _, p := range []projection{{m, 3, 0, true, false}, {m, 3, 4, false, true}, {m, 1, 0, true, true}, {m, 3, 0, true, true}} {
		cases = append(cases, p.toCase(""))
	}
	for _, kind := range weightTypes[1:] {
		for _, s := range []struct {
			k, offset int
			shards    []int
		}{
			{32, 0, []int{1}}, {96, 0, []int{7}}, {384, 0, []int{2}}, {1024, 0, []int{640}}, {2048, 4, []int{63}}, {96, 7 * 96, []int{9, 61}},
			// Of many rows, few invocations share one, or the norm goes first.
			{608, 8, []int{8194}}, {1536, 0, []int{8192}},
		} {
			add(matrix{kind, sum(s.shards), s.k, s.shards}, s.offset)
		}
		m := matrix{kind, 66, 96, []int{66}}
		for _, gate := range []bool{false, true} {
			p := projection{m, 1, 0, false, gate}
			for _, sigma := range []float64{1e15, 1e-15, 0} {
				cases = append(cases, p.with(fmt.Sprintf(", x times %g", sigma), func(rng *rand.Rand) []byte { return Normal(rng, m.cols, sigma) }))
			}
			cases = append(cases, p.with(", a NaN makes all NaN", func(rng *rand.Rand) []byte {
				x := Normal(rng, m.cols, 1)
				binary.LittleEndian.PutUint32(x[4*40:], math.Float32bits(nan))
				return x
			}))
		}
	}
	return cases
}

func (p projection) toCase(more string) Case {
	return p.with(more, func(rng *rand.Rand) []byte { return Normal(rng, p.offset+p.of*p.cols, 1) })
}

// with is a case whose x is made by x.
func (p projection) with(more string, x func(*rand.Rand) []byte) Case {
	n, what, square := p.rows, "", float64(p.cols)
	if p.gate {
		n, what, square = n/2, ", gate", square*square
	}
	if p.bias {
		what += ", bias"
	}
	if p.of > 1 {
		what += fmt.Sprintf(", %d rows", p.of)
	}
	name := fmt.Sprintf("norm_matvec_%v/%dx%d in %v from %d%s%s", p.kind, p.cols, p.rows, p.shards, p.offset, what, more)
	return Case{name, func(rng *rand.Rand) Plan {
		// h and products are for steps in kernels of their own.
		return Plan{
			Buffers: append([]Buffer{In("x", x(rng)), In("gain", Normal(rng, p.cols, 1)), In("bias", Normal(rng, p.rows, 1)),
				Out("h", p.of*p.cols, allowed("rms_norm")), Out("products", p.of*p.rows, sums("matmul", float64(p.cols))), Out("y", p.of*n, sums("norm_matvec", square))}, p.buffers(rng)...),
			Record: func(r *gpu.Recording, b []gpu.Range) {
				norm, w, bias := kernels.Norm{X: b[0], Gain: b[1], Offset: p.offset, Eps: 1e-5}, p.weight(b[6:]), gpu.Range{}
				if p.bias {
					bias = b[2]
				}
				if p.gate {
					kernels.NormSwiGLU(r, norm, w, bias, b[3], b[4], b[5], p.of)
				} else {
					kernels.NormMatMul(r, norm, w, bias, b[3], b[5], p.of)
				}
			},
		}
	}}
}
