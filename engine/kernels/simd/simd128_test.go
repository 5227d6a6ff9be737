//go:build js && wasm && wasmsimd

package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSameBits: products, sums and conversions have the bits of the plain
// versions, because they round as often and add in the same order; exp and what
// is built on it may differ by rounding.
func TestSameBits(t *testing.T) {
	if !vector {
		t.Skip("skipped: TOKENSELECT_SIMD=go")
	}
	rng := rand.New(rand.NewPCG(41, 42))
	for _, k := range append([]int{40, 72, 1024}, lengths...) {
		for _, nx := range []int{1, 2, 3, 4, 5, 6, 7, 11} {
			nw := 1 + rng.IntN(40)
			x, w, h := floats(rng, nx*k), floats(rng, nw*k), halves(rng, nw*k)
			sameBits(t, "MatMulF32", nx*nw, func(d []float32) { MatMulF32(d, nw, x, k, nx, w, nw, k) })
			sameBits(t, "DotF32", nx*nw, func(d []float32) { DotF32(d, nw, x, nx, k/2, w, k, nw, 0.3) })
			sameBits(t, "DotF16", nx*nw, func(d []float32) { DotF16(d, nw, x, nx, k, h, k, nw, 0.3) })
			sameBits(t, "MatVecF16", nw, func(d []float32) { MatVecF16(d, x, h, nw, k) })
			sameBits(t, "AccumPV", nx*k, func(o []float32) { AccumPV(o, k, x, k, nx, min(nw, k), w, k) })
			if k%32 == 0 {
				q, scale := make([]int8, nw*k), halves(rng, nw*k/32)
				for i := range q {
					q[i] = int8(rng.Uint32())
				}
				sameBits(t, "MatVecQ8_0", nw, func(d []float32) { MatVecQ8_0(d, x, q, scale, nw, k) })
				sameBits(t, "DequantQ8_0", nw*k, func(d []float32) { DequantQ8_0(d, q, scale) })
			}
		}
		if n := k &^ 1; n > 0 {
			x, h, cos, sin := floats(rng, n), halves(rng, n), floats(rng, n), floats(rng, n)
			sameBits(t, "Rope", n, func(d []float32) { Rope(d, x, cos, sin) })
			sameBits(t, "RopeF16", n, func(d []float32) { RopeF16(d, h, cos, sin) })
			sameBits(t, "Scale", n, func(d []float32) { copy(d, x); Scale(d, 0.3) })
			sameBits(t, "Max", 1, func(d []float32) { d[0] = Max(x) })
		}
	}
}

// TestSameHalves takes every float16 to float32, and floats of any bits and
// those around the limits of float16 back.
func TestSameHalves(t *testing.T) {
	if !vector {
		t.Skip("skipped: TOKENSELECT_SIMD=go")
	}
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	sameBits(t, "F16ToF32", len(all), func(d []float32) { F16ToF32(d, all) })
	rng := rand.New(rand.NewPCG(43, 44))
	var x []float32
	for range 1 << 20 {
		x = append(x, math.Float32frombits(rng.Uint32()))
	}
	for _, limit := range []uint32{0, 0x33000000, 0x33800000, 0x387fc000, 0x38800000, 0x477fe000, 0x477ff000, 0x47800000, 0x7f800000} {
		for _, sign := range []uint32{0, 1 << 31} {
			for off := range uint32(1 << 15) {
				x = append(x, math.Float32frombits(sign|(limit+off-min(limit, 1<<14))))
			}
		}
	}
	sameBits(t, "F32ToF16", len(x), func(d []float32) {
		h := make([]uint16, len(x))
		F32ToF16(h, x)
		for i, b := range h {
			d[i] = float32(b)
		}
	})
}

// sameBits compares n values that f writes with vectors and without; they start
// out equal.
func sameBits(t *testing.T, name string, n int, f func(d []float32)) {
	t.Helper()
	fast := floats(rand.New(rand.NewPCG(45, 46)), n)
	plain := append([]float32(nil), fast...)
	f(fast)
	guarded(t, name, fast)
	setVector(false)
	f(plain)
	setVector(true)
	for i := range fast {
		if math.Float32bits(fast[i]) != math.Float32bits(plain[i]) {
			t.Fatalf("%s, value %d of %d: %v (%#08x) with vectors, %v (%#08x) without",
				name, i, n, fast[i], math.Float32bits(fast[i]), plain[i], math.Float32bits(plain[i]))
		}
	}
}
