package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestNothing: no element, no work, and no panic.
func TestNothing(t *testing.T) {
	both(t, func(t *testing.T) {
		one := []float32{guard}
		MatMulF32(nil, 0, nil, 0, 0, nil, 0, 0)
		MatMulF32(nil, 0, nil, 8, 0, make([]float32, 8), 1, 8)
		MatMulF32(nil, 0, make([]float32, 8), 8, 1, nil, 0, 8)
		MatMulF32(one, 1, nil, 0, 1, nil, 1, 0)
		if one[0] != 0 {
			t.Errorf("a sum of nothing is %v", one[0])
		}
		MatVecQ8_0(nil, nil, nil, nil, 0, 0)
		MatVecF16(nil, nil, nil, 0, 0)
		DequantQ8_0(nil, nil, nil)
		F16ToF32(nil, nil)
		F32ToF16(nil, nil)
		Rope(nil, nil, nil, nil)
		RopeF16(nil, nil, nil, nil)
		DotF16(nil, 0, nil, 0, 8, nil, 8, 0, 1)
		DotF32(nil, 0, nil, 0, 8, nil, 8, 0, 1)
		DotI8(nil, 0, nil, nil, 0, 16, nil, 16, nil, 1, 0)
		AddExp(nil, nil, 0, 1)
		SwiGLU(nil, nil, nil)
		Scale(nil, 2)
		o := []float32{guard}
		AccumPV(o, 1, nil, 0, 1, 0, nil, 1)
		if o[0] != guard {
			t.Error("AccumPV without keys changed its output")
		}
		if s := ExpSum(nil, 0) + SumExp(nil, 0); s != 0 {
			t.Errorf("sums of nothing are %v", s)
		}
		if m := Max(nil); !math.IsInf(float64(m), -1) {
			t.Errorf("Max of nothing is %v", m)
		}
	})
}

// TestShortSlices: a slice that is too short panics before any vector is touched.
func TestShortSlices(t *testing.T) {
	both(t, func(t *testing.T) {
		f := func(n int) []float32 { return make([]float32, n) }
		h := func(n int) []uint16 { return make([]uint16, n) }
		q := func(n int) []int8 { return make([]int8, n) }
		w := func(n int) []int16 { return make([]int16, n) }
		for name, call := range map[string]func(){
			"MatMulF32 dst":     func() { MatMulF32(f(43), 8, f(6*16), 16, 6, f(4*16), 4, 16) },
			"MatMulF32 x":       func() { MatMulF32(f(44), 8, f(6*16-1), 16, 6, f(4*16), 4, 16) },
			"MatMulF32 w":       func() { MatMulF32(f(44), 8, f(6*16), 16, 6, f(4*16-1), 4, 16) },
			"MatVecQ8_0 dst":    func() { MatVecQ8_0(f(3), f(32), q(128), h(4), 4, 32) },
			"MatVecQ8_0 x":      func() { MatVecQ8_0(f(4), f(31), q(128), h(4), 4, 32) },
			"MatVecQ8_0 q":      func() { MatVecQ8_0(f(4), f(32), q(127), h(4), 4, 32) },
			"MatVecQ8_0 scale":  func() { MatVecQ8_0(f(4), f(32), q(128), h(3), 4, 32) },
			"MatVecQ8_0 k":      func() { MatVecQ8_0(f(4), f(40), q(160), h(5), 4, 40) },
			"MatVecF16 dst":     func() { MatVecF16(f(7), f(16), h(128), 8, 16) },
			"MatVecF16 x":       func() { MatVecF16(f(8), f(15), h(128), 8, 16) },
			"MatVecF16 w":       func() { MatVecF16(f(8), f(16), h(127), 8, 16) },
			"DequantQ8_0 q":     func() { DequantQ8_0(f(64), q(63), h(2)) },
			"DequantQ8_0 scale": func() { DequantQ8_0(f(64), q(64), h(1)) },
			"DequantQ4_0 q":     func() { DequantQ4_0(f(64), make([]uint8, 31), h(2)) },
			"DequantQ4_0 scale": func() { DequantQ4_0(f(64), make([]uint8, 32), h(1)) },
			"DequantQ4_1 q":     func() { DequantQ4_1(f(64), make([]uint8, 31), h(4)) },
			"DequantQ4_1 pairs": func() { DequantQ4_1(f(64), make([]uint8, 32), h(3)) },
			"F16ToF32":          func() { F16ToF32(f(16), h(15)) },
			"F32ToF16":          func() { F32ToF16(h(16), f(15)) },
			"Rope dst":          func() { Rope(f(31), f(32), f(16), f(16)) },
			"Rope cos":          func() { Rope(f(32), f(32), f(15), f(16)) },
			"Rope sin":          func() { Rope(f(32), f(32), f(16), f(15)) },
			"RopeF16 dst":       func() { RopeF16(f(31), h(32), f(16), f(16)) },
			"DotF16 dst":        func() { DotF16(f(59), 40, f(32), 2, 16, h(320), 16, 20, 1) },
			"DotF16 q":          func() { DotF16(f(60), 40, f(31), 2, 16, h(320), 16, 20, 1) },
			"DotF16 k":          func() { DotF16(f(60), 40, f(32), 2, 16, h(319), 16, 20, 1) },
			"DotF32 k":          func() { DotF32(f(60), 40, f(32), 2, 16, f(319), 16, 20, 1) },
			"DotI8 dst":         func() { DotI8(f(59), 40, w(32), f(2), 2, 16, q(320), 16, f(20), 1, 20) },
			"DotI8 q":           func() { DotI8(f(60), 40, w(31), f(2), 2, 16, q(320), 16, f(20), 1, 20) },
			"DotI8 step":        func() { DotI8(f(60), 40, w(32), f(1)[:1:1], 2, 16, q(320), 16, f(20), 1, 20) },
			"ToI16":             func() { ToI16(w(15), f(16)) },
			"DotI8 k":           func() { DotI8(f(60), 40, w(32), f(2), 2, 16, q(319), 16, f(20), 1, 20) },
			"DotI8 scale":       func() { DotI8(f(60), 40, w(32), f(2), 2, 16, q(320), 16, f(19), 1, 20) },
			"AddExp":            func() { AddExp(f(16), f(15), 0, 1) },
			"SwiGLU gate":       func() { SwiGLU(f(16), f(15), f(16)) },
			"SwiGLU up":         func() { SwiGLU(f(16), f(16), f(15)) },
			"AccumPV o":         func() { AccumPV(f(63), 16, f(32), 8, 4, 8, f(128), 16) },
			"AccumPV p":         func() { AccumPV(f(64), 16, f(31), 8, 4, 8, f(128), 16) },
			"AccumPV v":         func() { AccumPV(f(64), 16, f(32), 8, 4, 8, f(127), 16) },
		} {
			if !panics(call) {
				t.Errorf("%s: a slice that is one too short was taken", name)
			}
		}
	})
}

func panics(call func()) (did bool) {
	defer func() { did = recover() != nil }()
	call()
	return false
}

// TestMaxNaN: a NaN is found wherever it stands, and so is the largest value.
func TestMaxNaN(t *testing.T) {
	both(t, func(t *testing.T) {
		for n := 1; n <= 40; n++ {
			for at := range n {
				x := make([]float32, n)
				for i := range x {
					x[i] = -float32(i) - 2
				}
				x[at] = -1
				if m := Max(x); m != -1 {
					t.Fatalf("n=%d at=%d: Max is %v, expected -1", n, at, m)
				}
				x[at] = float32(math.NaN())
				if m := Max(x); m == m {
					t.Fatalf("n=%d at=%d: Max is %v, expected NaN", n, at, m)
				}
			}
		}
	})
}

// TestLevels: the two versions agree up to rounding.
func TestLevels(t *testing.T) {
	if !vector {
		t.Skip("skipped: no vectors here, or TOKENSELECT_SIMD=go")
	}
	if Level() != vectorLevel || vectorLevel == "go" {
		t.Fatalf("Level is %q with vectors on", Level())
	}
	rng := rand.New(rand.NewPCG(33, 34))
	for _, k := range lengths {
		const nx, nw = 5, 9
		x, w := floats(rng, nx*k), floats(rng, nw*k)
		fast, plain := make([]float32, nx*nw), make([]float32, nx*nw)
		MatMulF32(fast, nw, x, k, nx, w, nw, k)
		setVector(false)
		if Level() != "go" {
			t.Fatalf("Level is %q with vectors off", Level())
		}
		MatMulF32(plain, nw, x, k, nx, w, nw, k)
		setVector(true)
		for i := range fast {
			near(t, "MatMulF32", float64(fast[i]), float64(plain[i]), float64(k))
		}
	}
}
