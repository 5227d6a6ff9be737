package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The rule of the package: an element depends on its own inputs and on the
// length of its sum only. These tests compute the same elements whole and in
// random pieces, copied to other alignments, and compare bits.

// pieces cuts [0, n) at random.
func pieces(rng *rand.Rand, n int, piece func(lo, hi int)) {
	for lo := 0; lo < n; {
		hi := min(n, lo+1+rng.IntN(21))
		piece(lo, hi)
		lo = hi
	}
}

// shifted is a copy of x at some other alignment.
func shifted[T any](rng *rand.Rand, x []T) []T {
	off := rng.IntN(9)
	return append(make([]T, off, off+len(x)), x...)[off:]
}

func bits(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v (%#08x) in pieces, %v (%#08x) whole",
				name, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

func TestSplitMatMul(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(21, 22))
		for _, k := range []int{5, 8, 31, 33, 64, 80, 96, 384, 1000} {
			for _, nx := range []int{1, 2, 13, 67} {
				nw := 1 + rng.IntN(90)
				x, w := floats(rng, nx*k), floats(rng, nw*k)
				whole, parts := make([]float32, nx*nw), make([]float32, nx*nw)
				MatMulF32(whole, nw, x, k, nx, w, nw, k)
				pieces(rng, nx, func(a, b int) {
					xs := shifted(rng, x[a*k:b*k])
					pieces(rng, nw, func(lo, hi int) {
						MatMulF32(parts[a*nw+lo:], nw, xs, k, b-a, shifted(rng, w[lo*k:hi*k]), hi-lo, k)
					})
				})
				bits(t, "MatMulF32", parts, whole)
			}
		}
	})
}

func TestSplitMatVec(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(23, 24))
		for _, k := range []int{3, 7, 8, 31, 32, 33, 64, 96, 384, 1000, 1024, 4100} {
			nw := 1 + rng.IntN(60)
			x, w := floats(rng, k), halves(rng, nw*k)
			decoded := make([]float32, nw*k)
			F16ToF32(decoded, w)
			whole, parts := make([]float32, nw), make([]float32, nw)
			MatMulF32(whole, nw, x, k, 1, decoded, nw, k)
			pieces(rng, nw, func(lo, hi int) {
				MatVecF16(parts[lo:], shifted(rng, x), shifted(rng, w[lo*k:hi*k]), hi-lo, k)
			})
			bits(t, "MatVecF16", parts, whole)
			if k%32 != 0 {
				continue
			}
			q, scale := make([]int8, nw*k), halves(rng, nw*k/32)
			for i := range q {
				q[i] = int8(rng.Uint32())
			}
			pieces(rng, nw*k/32, func(lo, hi int) {
				DequantQ8_0(decoded[32*lo:32*hi], shifted(rng, q[32*lo:32*hi]), shifted(rng, scale[lo:hi]))
			})
			MatMulF32(whole, nw, x, k, 1, decoded, nw, k)
			pieces(rng, nw, func(lo, hi int) {
				MatVecQ8_0(parts[lo:], shifted(rng, x), shifted(rng, q[lo*k:hi*k]), shifted(rng, scale[lo*k/32:hi*k/32]), hi-lo, k)
			})
			bits(t, "MatVecQ8_0", parts, whole)
		}
	})
}

func TestSplitDot(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(25, 26))
		for _, d := range []int{2, 6, 8, 10, 64, 80, 96, 128, 160} {
			for _, g := range []int{1, 2, 4, 7, 8} {
				n, stride := 1+rng.IntN(80), d+rng.IntN(9)
				q, k := floats(rng, g*d), halves(rng, n*stride)
				scale := rng.Float32()
				whole, parts := make([]float32, g*n), make([]float32, g*n)
				DotF16(whole, n, q, g, d, k, stride, n, scale)
				pieces(rng, n, func(lo, hi int) {
					keys := shifted(rng, k[lo*stride:(hi-1)*stride+d])
					for h := 0; h < g; {
						m := 1 + rng.IntN(g-h)
						DotF16(parts[h*n+lo:], n, shifted(rng, q[h*d:(h+m)*d]), m, d, keys, stride, hi-lo, scale)
						h += m
					}
				})
				bits(t, "DotF16", parts, whole)
			}
		}
	})
}

// TestSplitAccumPV splits rows, columns and keys: the sum over keys is
// sequential, so that it may be continued.
func TestSplitAccumPV(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(27, 28))
		for _, d := range []int{1, 7, 8, 9, 25, 64, 80, 99} {
			for _, rows := range []int{1, 3, 4, 11, 64} {
				n := 1 + rng.IntN(70)
				whole, p, v := floats(rng, rows*d), floats(rng, rows*n), floats(rng, n*d)
				parts := append([]float32(nil), whole...)
				AccumPV(whole, d, p, n, rows, n, v, d)
				pieces(rng, n, func(t0, t1 int) {
					pieces(rng, d, func(c0, c1 int) {
						var cols []float32
						for j := t0; j < t1; j++ {
							cols = append(cols, v[j*d+c0:j*d+c1]...)
						}
						cols = shifted(rng, cols)
						pieces(rng, rows, func(lo, hi int) {
							AccumPV(parts[lo*d+c0:], d, p[lo*n+t0:], n, hi-lo, t1-t0, cols, c1-c0)
						})
					})
				})
				bits(t, "AccumPV", parts, whole)
			}
		}
	})
}

// TestSplitElementwise includes NaNs, infinities and subnormals.
func TestSplitElementwise(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(29, 30))
		for range 40 {
			n := 1 + rng.IntN(300)
			x, y, h := floats(rng, n), floats(rng, n), make([]uint16, n)
			for i := range x {
				x[i] *= 40
				h[i] = uint16(rng.Uint32())
				if i%5 == 0 {
					x[i] = math.Float32frombits(rng.Uint32())
				}
			}
			m, inv := rng.Float32(), rng.Float32()
			for name, f := range map[string]func(d, x, y []float32, h []uint16){
				"ExpSum":   func(d, x, _ []float32, _ []uint16) { copy(d, x); ExpSum(d, m) },
				"AddExp":   func(d, x, y []float32, _ []uint16) { copy(d, y); AddExp(d, x, m, inv) },
				"SwiGLU":   func(d, x, y []float32, _ []uint16) { SwiGLU(d, x, y) },
				"F16ToF32": func(d, _, _ []float32, h []uint16) { F16ToF32(d, h) },
				"F32ToF16": func(d, x, _ []float32, _ []uint16) {
					to := make([]uint16, len(x))
					F32ToF16(to, x)
					for i, b := range to {
						d[i] = float32(b)
					}
				},
				"Scale": func(d, x, _ []float32, _ []uint16) { copy(d, x); Scale(d, inv) },
			} {
				whole, parts := floats(rng, n), floats(rng, n)
				f(whole, x, y, h)
				guarded(t, name, whole)
				pieces(rng, n, func(lo, hi int) {
					f(parts[lo:hi:hi], shifted(rng, x[lo:hi]), shifted(rng, y[lo:hi]), shifted(rng, h[lo:hi]))
				})
				bits(t, name, parts, whole)
			}
		}
	})
}
