package kernels

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

// The ceilings of a device: what kernels that only read, and that only multiply
// and add, reach on it. Benchmarks hold the others against them.

// ReadParams are those of ceiling_read.
type ReadParams struct {
	N uint32 // vectors of four words
}

const readVectors = 4096 // of a workgroup

var ceilingReadKernel single

func ceilingRead() *gpu.Kernel {
	return ceilingReadKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "ceiling_read",
			Bindings: []gpu.Binding{in("x"), out("y")},
			Params:   sizeOf[ReadParams](),
			WGSL:     wgsl("ceiling_read", nil),
			Items:    func(c *gpu.Call) int { return ceil(int(params[ReadParams](c).N), readVectors) },
			Twin: func(c *gpu.Call, lo, hi int) {
				n := int(params[ReadParams](c).N)
				x, y := view[[2]uint64](c, 0), view[uint32](c, 1)
				for i := lo; i < hi; i++ {
					var a, b uint64 // two words at a time: this is a ceiling on the CPU device too
					for _, v := range x[i*readVectors : min((i+1)*readVectors, n)] {
						a, b = a^v[0], b^v[1]
					}
					a ^= b
					y[i] = uint32(a) ^ uint32(a>>32)
				}
			},
		}
	})
}

// CeilingRead records a read of n vectors of four words: y[i] is the exclusive
// or of the words of vectors 4096 i to 4096 (i+1). One workgroup each.
func CeilingRead(r *gpu.Recording, x, y gpu.Range, n int) {
	need(r, ceilingRead(), 0, x, 4*n)
	need(r, ceilingRead(), 1, y, ReadWords(n))
	gpu.Dispatch(r, ceilingRead(), ceil(n, readVectors), &ReadParams{uint32(n)}, x, y)
}

// ReadWords is the size of CeilingRead's result.
func ReadWords(n int) int { return ceil(n, readVectors) }

// MultiplyAddParams are those of ceiling_multiply_add.
type MultiplyAddParams struct {
	N      uint32 // vectors of four values
	Rounds uint32
	Factor float32
	Step   float32
}

const multiplyVectors = 2048 // of a workgroup

var ceilingMultiplyAddKernel single

func ceilingMultiplyAdd() *gpu.Kernel {
	return ceilingMultiplyAddKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "ceiling_multiply_add",
			Bindings: []gpu.Binding{out("y")},
			Params:   sizeOf[MultiplyAddParams](),
			WGSL:     wgsl("ceiling_multiply_add", nil),
			Items:    func(c *gpu.Call) int { return ceil(int(params[MultiplyAddParams](c).N), multiplyVectors) },
			Twin: spare(func(c *gpu.Call, lo, hi int) {
				p, y := multiplyAddOf(c, lo, hi)
				for i, v := range y {
					for range p.Rounds {
						v = float32(v*p.Factor) + p.Step
					}
					y[i] = v
				}
			}),
			Fast: func(c *gpu.Call, lo, hi int) {
				p, y := multiplyAddOf(c, lo, hi)
				simd.MultiplyAdd(y, p.Factor, p.Step, int(p.Rounds))
			},
		}
	})
}

// multiplyAddOf is the values of some items of ceiling_multiply_add.
func multiplyAddOf(c *gpu.Call, lo, hi int) (p *MultiplyAddParams, y []float32) {
	p = params[MultiplyAddParams](c)
	y = view[float32](c, 0)[:4*p.N]
	return p, y[4*lo*multiplyVectors : min(4*hi*multiplyVectors, len(y))]
}

// CeilingMultiplyAdd records v = v * factor + step, rounds times, for each value
// of n vectors of four: 2 operations a value and round.
func CeilingMultiplyAdd(r *gpu.Recording, y gpu.Range, n, rounds int, factor, step float32) {
	need(r, ceilingMultiplyAdd(), 0, y, 4*n)
	p := MultiplyAddParams{uint32(n), uint32(rounds), factor, step}
	gpu.Dispatch(r, ceilingMultiplyAdd(), ceil(n, multiplyVectors), &p, y)
}
