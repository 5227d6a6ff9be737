package simd

import (
	"math"
	"testing"
)

// ulps is how many float32 values got is away from the exact one.
func ulps(got float32, exact float64) float64 {
	near := float32(exact)
	next := math.Nextafter32(near, float32(math.Inf(1)))
	return math.Abs(float64(got)-exact) / (float64(next) - float64(near))
}

// The least and the largest argument whose exponential is a normal float32.
var (
	leastExp = math.Float32frombits(0xc2aeac4f)
	mostExp  = math.Float32frombits(0x42b17217)
)

// TestExpRange takes every 251st float32 through exp, the limits of the range
// and their neighbours included.
func TestExpRange(t *testing.T) {
	both(t, func(t *testing.T) {
		const step = 251
		worst, at := 0.0, float32(0)
		x := make([]float32, 0, 1<<15)
		check := func() {
			e := append([]float32(nil), x...)
			ExpSum(e, 0)
			for i, v := range x {
				exact := math.Exp(float64(v))
				switch {
				case v > mostExp:
					if !math.IsInf(float64(e[i]), 1) {
						t.Fatalf("exp(%v): %v, expected +Inf", v, e[i])
					}
				case v < leastExp:
					if !(e[i] >= 0 && float64(e[i]) <= 0x1p-126) {
						t.Fatalf("exp(%v): %v, expected a subnormal or 0", v, e[i])
					}
				default:
					if u := ulps(e[i], exact); !(u <= worst) {
						worst, at = u, v
					}
				}
			}
			x = x[:0]
		}
		for _, limit := range []float32{leastExp, mostExp, 0, -87, 88} {
			x = append(x, limit, math.Nextafter32(limit, 1000), math.Nextafter32(limit, -1000))
		}
		for _, sign := range []uint32{0, 1 << 31} {
			for b := uint32(0); b <= 0x7f800000; b += step {
				if x = append(x, math.Float32frombits(sign|b)); len(x) == cap(x) {
					check()
				}
			}
		}
		check()
		if !(worst <= 2) {
			t.Errorf("exp(%v) is off by %.2f ulp, expected at most 2", at, worst)
		}
		t.Logf("worst: %.3f ulp at %v", worst, at)
	})
}

func TestExpSpecial(t *testing.T) {
	both(t, func(t *testing.T) {
		inf, nan := float32(math.Inf(1)), float32(math.NaN())
		for _, c := range []struct{ x, want float32 }{
			{inf, inf}, {-inf, 0}, {1e30, inf}, {-1e30, 0}, {math.MaxFloat32, inf}, {-math.MaxFloat32, 0},
			{0, 1}, {1e-45, 1}, {-1e-45, 1}, {nan, nan},
		} {
			for n := 1; n <= 17; n++ {
				for at := range n {
					x, d := make([]float32, n), make([]float32, n)
					x[at] = c.x
					AddExp(d, x, 0, 1)
					sum := SumExp(x, 0)
					if total := ExpSum(x, 0); !same(total, sum) {
						t.Fatalf("the sum with exp(%v) is %v in place, %v beside", c.x, total, sum)
					}
					for i, v := range x {
						want := float32(1)
						if i == at {
							want = c.want
						}
						if !same(v, want) || !same(d[i], want) {
							t.Fatalf("n=%d at=%d: exp(%v) is %v and %v, expected %v", n, at, c.x, v, d[i], want)
						}
					}
				}
			}
		}
	})
}

// same holds for equal values and for two NaNs.
func same(a, b float32) bool { return a == b || a != a && b != b }

// TestSwiGLUFar: where exp(-gate) has no float32 it counts as +Inf, and a value
// of less than 89/exp(88.7) as 0.
func TestSwiGLUFar(t *testing.T) {
	both(t, func(t *testing.T) {
		gate := []float32{-1e30, -500, -89, -88.5, 88.5, 89, 500, 1e30, 0}
		up, dst := make([]float32, len(gate)), make([]float32, len(gate))
		for i := range up {
			up[i] = 2
		}
		SwiGLU(dst, gate, up)
		for i, g := range gate {
			want := float64(g) / (1 + math.Exp(-float64(g))) * 2
			if math.Abs(float64(dst[i])-want) > 1e-6*math.Abs(want)+1e-36 {
				t.Errorf("gate %v: %v, expected %v", g, dst[i], want)
			}
		}
	})
}
