package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"tokenselect/engine/f16"
)

// both runs a test with vectors, where there are some, and without.
func both(t *testing.T, test func(t *testing.T)) {
	if vector {
		t.Run(vectorLevel, test)
		setVector(false)
		defer setVector(true)
	}
	t.Run("go", test)
}

const guard = 12345.678

// floats are n seeded values between guards, off the alignment of a vector.
func floats(rng *rand.Rand, n int) []float32 {
	buf := make([]float32, n+3)
	for i := range buf {
		buf[i] = guard
	}
	x := buf[1 : n+1 : n+1]
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func guarded(t *testing.T, name string, x []float32) {
	t.Helper()
	if len(x) == 0 { // without an address
		return
	}
	for i, v := range full(x) {
		if (i == 0 || i > len(x)) && v != guard {
			t.Fatalf("%s: wrote beyond its output", name)
		}
	}
}

// full is the array behind a slice of floats, guards included.
func full(x []float32) []float32 {
	first := (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(x)), -4))
	return unsafe.Slice(first, len(x)+3)
}

func halves(rng *rand.Rand, n int) []uint16 {
	h := make([]uint16, n)
	for i := range h {
		h[i] = f16.FromFloat32(float32(rng.NormFloat64()))
	}
	return h
}

func near(t *testing.T, name string, got, want, scale float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 2e-6*(scale+math.Abs(want))) {
		t.Fatalf("%s: %v, expected %v", name, got, want)
	}
}

var lengths = []int{1, 2, 7, 8, 9, 16, 31, 32, 33, 64, 80, 96, 128, 384, 1000}

// TestMatMul compares with sums in float64, and every tiling bit by bit with
// the product of single rows.
func TestMatMul(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, k := range lengths {
			for _, nx := range []int{1, 2, 3, 4, 7} {
				for _, nw := range []int{1, 3, 4, 5, 8, 9, 19} {
					name := fmt.Sprintf("k=%d nx=%d nw=%d", k, nx, nw)
					xs, ds := k+3, nw+2
					x, w, dst := floats(rng, nx*xs), floats(rng, nw*k), floats(rng, nx*ds)
					before := append([]float32(nil), dst...)
					MatMulF32(dst, ds, x, xs, nx, w, nw, k)
					guarded(t, name, dst)
					for i := range nx {
						for r := range ds {
							got := dst[i*ds+r]
							if r >= nw {
								if got != before[i*ds+r] {
									t.Fatalf("%s: wrote between rows", name)
								}
								continue
							}
							var want, size float64
							for j := range k {
								p := float64(x[i*xs+j]) * float64(w[r*k+j])
								want, size = want+p, size+math.Abs(p)
							}
							near(t, name, float64(got), want, size)
							var alone [1]float32
							MatMulF32(alone[:], 1, x[i*xs:], k, 1, w[r*k:], 1, k)
							if math.Float32bits(alone[0]) != math.Float32bits(got) {
								t.Fatalf("%s: row %d of w for row %d of x is %v in a block, %v alone", name, r, i, got, alone[0])
							}
						}
					}
				}
			}
		}
	})
}

// TestQ8 checks the decoder against its definition, and the product from packed
// weights bit by bit against the product of decoded ones.
func TestQ8(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		for _, k := range []int{32, 64, 96, 384, 1024} {
			for _, nw := range []int{1, 2, 3, 4, 5, 7, 8, 13} {
				q, scale := make([]int8, nw*k), halves(rng, nw*k/32)
				for i := range q {
					q[i] = int8(rng.IntN(255) - 127)
				}
				w, x := floats(rng, nw*k), floats(rng, k)
				DequantQ8_0(w, q, scale)
				guarded(t, "dequant", w)
				for i, v := range w {
					if want := f16.ToFloat32(scale[i/32]) * float32(q[i]); v != want {
						t.Fatalf("weight %d is %v, expected %v", i, v, want)
					}
				}
				want, got := floats(rng, nw), floats(rng, nw)
				MatMulF32(want, nw, x, k, 1, w, nw, k)
				MatVecQ8_0(got, x, q, scale, nw, k)
				guarded(t, "matvec", got)
				for r := range got {
					if math.Float32bits(got[r]) != math.Float32bits(want[r]) {
						t.Fatalf("k=%d nw=%d: row %d is %v packed, %v decoded", k, nw, r, got[r], want[r])
					}
				}
			}
		}
	})
}

func TestHalves(t *testing.T) {
	both(t, func(t *testing.T) {
		all := make([]uint16, 1<<16)
		for i := range all {
			all[i] = uint16(i)
		}
		f, back := make([]float32, len(all)), make([]uint16, len(all))
		F16ToF32(f, all)
		F32ToF16(back, f)
		for i, h := range all {
			if want := f16.ToFloat32(h); f[i] != want && want == want {
				t.Fatalf("%#04x: %v, expected %v", h, f[i], want)
			}
			if f[i] == f[i] && back[i] != h {
				t.Fatalf("%v: %#04x, expected %#04x", f[i], back[i], h)
			}
		}
		rng := rand.New(rand.NewPCG(5, 6))
		for _, n := range lengths {
			x, h := floats(rng, n), make([]uint16, n)
			F32ToF16(h, x)
			for i, v := range x {
				if want := f16.FromFloat32(v); h[i] != want {
					t.Fatalf("%v: %#04x, expected %#04x", v, h[i], want)
				}
			}
			for _, w := range []int{1, 3, 9} {
				m, x := halves(rng, w*n), floats(rng, n)
				got, want, f := floats(rng, w), floats(rng, w), floats(rng, w*n)
				F16ToF32(f, m)
				MatMulF32(want, w, x, n, 1, f, w, n)
				MatVecF16(got, x, m, w, n)
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("MatVecF16 %dx%d: %v, expected %v", w, n, got[i], want[i])
					}
				}
			}
		}
	})
}

// TestDotF16: each score equals that of its key alone, in any block.
func TestDotF16(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for _, d := range []int{6, 16, 64, 80, 96, 128, 160} {
			for _, g := range []int{1, 2, 4, 7} {
				const n, scale = 37, 0.3
				stride := 2*d + 4
				q, k, dst := floats(rng, g*d), halves(rng, n*stride), floats(rng, g*(n+1))
				DotF16(dst, n+1, q, g, d, k, stride, n, scale)
				guarded(t, "DotF16", dst)
				whole, same := floats(rng, len(k)), floats(rng, len(dst))
				F16ToF32(whole, k)
				DotF32(same, n+1, q, g, d, whole, stride, n, scale)
				guarded(t, "DotF32", same)
				for i := range dst {
					if i%(n+1) < n && dst[i] != same[i] {
						t.Fatalf("d=%d g=%d: score %d is %v from float16 keys, %v from the same in float32", d, g, i, dst[i], same[i])
					}
				}
				for h := range g {
					for i := range n {
						var alone [1]float32
						DotF16(alone[:], 1, q[h*d:], 1, d, k[i*stride:], stride, 1, scale)
						var want, size float64
						for j := range d {
							p := float64(q[h*d+j]) * float64(f16.ToFloat32(k[i*stride+j])) * scale
							want, size = want+p, size+math.Abs(p)
						}
						got := dst[h*(n+1)+i]
						near(t, "DotF16", float64(got), want, size)
						if got != alone[0] {
							t.Fatalf("d=%d g=%d: score %d of head %d is %v in a block, %v alone", d, g, i, h, got, alone[0])
						}
					}
				}
			}
		}
	})
}

func TestRope(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(9, 10))
		for _, d := range []int{2, 6, 16, 64, 80, 96, 128} {
			h, cos, sin := halves(rng, d), floats(rng, d/2), floats(rng, d/2)
			x := make([]float32, d)
			F16ToF32(x, h)
			a, b := floats(rng, d), floats(rng, d)
			Rope(a, x, cos, sin)
			RopeF16(b, h, cos, sin)
			guarded(t, "Rope", a)
			guarded(t, "RopeF16", b)
			for i := range d / 2 {
				c, s := float64(cos[i]), float64(sin[i])
				lo, hi := float64(x[i]), float64(x[i+d/2])
				near(t, "Rope", float64(a[i]), lo*c-hi*s, math.Abs(lo*c)+math.Abs(hi*s))
				near(t, "Rope", float64(a[i+d/2]), hi*c+lo*s, math.Abs(hi*c)+math.Abs(lo*s))
			}
			for i := range a {
				if a[i] != b[i] {
					t.Fatalf("d=%d: %v from float32, %v from float16", d, a[i], b[i])
				}
			}
		}
	})
}

// TestExp checks values over the whole range, and that a value does not depend
// on where it stands.
func TestExp(t *testing.T) {
	both(t, func(t *testing.T) {
		inf, nan := float32(math.Inf(1)), float32(math.NaN())
		for _, m := range []float32{0, 3.5, -20} {
			var x []float32
			for v := float32(-110); v <= 0; v += 0.0137 {
				x = append(x, v+m)
			}
			x = append(x, m, -inf, -1e30, m)
			e := append([]float32(nil), x...)
			left := SumExp(x, m)
			sum := ExpSum(e, m)
			if left != sum {
				t.Errorf("SumExp is %v, ExpSum %v", left, sum)
			}
			var want float64
			for i, v := range x {
				exact := math.Exp(float64(v - m))
				want += exact
				if math.Abs(float64(e[i])-exact) > 3e-7*exact+2e-38 {
					t.Fatalf("exp(%v): %v, expected %v", v-m, e[i], exact)
				}
			}
			near(t, "sum", float64(sum), want, 10*want)
			for at := range 9 {
				for n := at + 1; n < at+18; n++ {
					part := append([]float32(nil), x[at:n]...)
					ExpSum(part, m)
					votes := make([]float32, n-at)
					AddExp(votes, x[at:n], m, 1)
					for i := range part {
						if part[i] != e[at+i] || votes[i] != e[at+i] {
							t.Fatalf("exp(%v) is %v in one place, %v and %v in others", x[at+i]-m, e[at+i], part[i], votes[i])
						}
					}
				}
			}
		}
		if v := []float32{-inf}; ExpSum(v, 0) != 0 || v[0] != 0 {
			t.Errorf("exp(-Inf) is %v", v[0])
		}
		if v := []float32{nan, 0}; !math.IsNaN(float64(ExpSum(v, 0))) || v[0] == v[0] {
			t.Errorf("exp(NaN) is %v", v[0])
		}
		if s := ExpSum(nil, 0); s != 0 {
			t.Errorf("sum of nothing is %v", s)
		}
	})
}

func TestElementwise(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 12))
		for _, n := range append([]int{0}, lengths...) {
			g, u, d, x := floats(rng, n), floats(rng, n), floats(rng, n), floats(rng, n)
			for i := range g {
				g[i] *= 20
			}
			SwiGLU(d, g, u)
			guarded(t, "SwiGLU", d)
			most := math.Inf(-1)
			for i := range d {
				near(t, "SwiGLU", float64(d[i]), float64(g[i])/(1+math.Exp(-float64(g[i])))*float64(u[i]), 1e-3)
				most = max(most, float64(x[i]))
			}
			if m := Max(x); float64(m) != most {
				t.Fatalf("Max of %d: %v, expected %v", n, m, most)
			}
			y := append([]float32(nil), x...)
			Scale(x, 1.7)
			guarded(t, "Scale", x)
			for i := range x {
				if x[i] != y[i]*1.7 {
					t.Fatal("Scale")
				}
			}
		}
	})
}

// TestAccumPV: each element equals the sum in order, whatever the tile.
func TestAccumPV(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(13, 14))
		for _, d := range []int{3, 8, 16, 24, 64, 80, 96, 128} {
			for _, rows := range []int{1, 3, 4, 5, 9} {
				for _, n := range []int{1, 2, 63, 64} {
					o, p, v := floats(rng, rows*(d+1)), floats(rng, rows*(n+2)), floats(rng, n*d)
					before := append([]float32(nil), o...)
					AccumPV(o, d+1, p, n+2, rows, n, v, d)
					guarded(t, "AccumPV", o)
					for i := range rows {
						alone := append([]float32(nil), before[i*(d+1):][:d]...)
						AccumPV(alone, d, p[i*(n+2):], n, 1, n, v, d)
						for c := range d {
							want := float64(before[i*(d+1)+c])
							size := math.Abs(want)
							for j := range n {
								w := float64(p[i*(n+2)+j]) * float64(v[j*d+c])
								want, size = want+w, size+math.Abs(w)
							}
							near(t, "AccumPV", float64(o[i*(d+1)+c]), want, size)
							if alone[c] != o[i*(d+1)+c] {
								t.Fatalf("rows=%d n=%d d=%d: %v in a block, %v alone", rows, n, d, o[i*(d+1)+c], alone[c])
							}
						}
					}
				}
			}
		}
	})
}
