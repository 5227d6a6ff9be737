package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestExpLevels: both widths of registers give the same bits, at every length.
func TestExpLevels(t *testing.T) {
	if !vector512 {
		t.Skip("skipped: no AVX-512 here, or TOKENSELECT_SIMD asks for less")
	}
	defer func() { vector512 = true }()
	rng := rand.New(rand.NewPCG(51, 52))
	inf := float32(math.Inf(1))
	for n := range 200 {
		x := floats(rng, n)
		for i := range x {
			x[i] *= 30
		}
		if n%3 == 0 {
			copy(x, []float32{inf, -inf, float32(math.NaN()), -87.5, -100, -104, 88.7, 88.73, 200})
		}
		var got [2][]float32
		for i, wide := range []bool{true, false} {
			vector512 = wide
			e, d := append([]float32(nil), x...), make([]float32, n)
			AddExp(d, x, 0.5, 0.3)
			got[i] = append(append(append(got[i], SumExp(x, 0.5), ExpSum(e, 0.5)), e...), d...)
		}
		for i := range got[0] {
			if a, b := got[0][i], got[1][i]; math.Float32bits(a) != math.Float32bits(b) {
				t.Fatalf("%d values, result %d is %v in wide registers, %v in narrow ones", n, i, a, b)
			}
		}
	}
}
