package kernels

import (
	"math"

	"tokenselect/engine/gpu"
)

// RoundParams are those of round_bf16.
type RoundParams struct {
	N uint32 // values
}

var roundBF16Kernel single

func roundBF16() *gpu.Kernel {
	return roundBF16Kernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "round_bf16",
			Bindings: []gpu.Binding{out("x")},
			Params:   sizeOf[RoundParams](),
			WGSL:     wgsl("round_bf16", nil),
			Items:    func(c *gpu.Call) int { return ceil(int(params[RoundParams](c).N), elements) },
			Twin: func(c *gpu.Call, lo, hi int) {
				x := view[uint32](c, 0)
				for i := lo * elements; i < min(hi*elements, int(params[RoundParams](c).N)); i++ {
					x[i] = roundBits(x[i])
				}
			},
		}
	})
}

// roundBits is the bits of a float32 value, rounded to the nearest bfloat16, ties to
// the even one; NaN stays.
func roundBits(b uint32) uint32 {
	if b&^(1<<31) > 0x7f800000 {
		return b
	}
	return (b + 0x7fff + b>>16&1) &^ 0xffff
}

func toBF16(x float32) float32 { return math.Float32frombits(roundBits(math.Float32bits(x))) }

// RoundBF16 records the rounding of n float32 values to bfloat16, in place: what
// storing them as the paper's released code does comes to. 256 values a workgroup.
func RoundBF16(r *gpu.Recording, x gpu.Range, n int) {
	need(r, roundBF16(), 0, x, n)
	gpu.Dispatch(r, roundBF16(), ceil(n, elements), &RoundParams{uint32(n)}, x)
}
