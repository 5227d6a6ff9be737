package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestMaxLess, with Peaks of what it makes.
func TestMaxLess(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for _, n := range []int{1, 7, 8, 31, 32, 63, 64, 65, 100, 256, 300} {
			for heads := 1; heads <= 9; heads++ {
				stride := n + 3
				x, less, dst, peaks := floats(rng, heads*stride), floats(rng, heads), floats(rng, n), floats(rng, 8*((n+63)/64))
				MaxLess(dst, x, stride, less)
				Peaks(peaks, dst)
				guarded(t, "MaxLess", dst)
				guarded(t, "Peaks", peaks)
				want := make([]float32, len(peaks))
				for i := range want {
					want[i] = float32(math.Inf(-1))
				}
				for i, got := range dst {
					m := float32(math.Inf(-1))
					for h := range heads {
						m = max(m, x[h*stride+i]-less[h])
					}
					if got != m {
						t.Fatalf("%d heads of %d: value %d is %v, expected %v", heads, n, i, got, m)
					}
					at := i/64*8 + i%8
					want[at] = max(want[at], m)
				}
				for i, got := range peaks {
					if got != want[i] {
						t.Fatalf("%d values: peak %d is %v, expected %v", n, i, got, want[i])
					}
				}
			}
		}
	})
}

func TestFrom(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for n := range 70 {
			x := floats(rng, n)
			if n > 3 {
				x[n/2], x[n/3] = 0.5, float32(math.NaN())
			}
			for _, least := range []float32{float32(math.Inf(-1)), -1, 0.5, 9} {
				var want []uint32
				for i, v := range x {
					if v >= least {
						want = append(want, uint32(i))
					}
				}
				dst := make([]uint32, n+1)
				dst[n] = 77
				got := dst[:IndexFrom(dst[:n], x, least)]
				if c := CountFrom(x, least); c != len(want) || len(got) != len(want) || dst[n] != 77 {
					t.Fatalf("%d of %d values from %v on, indices of %d, expected %d", c, n, least, len(got), len(want))
				}
				for i, at := range got {
					if at != want[i] {
						t.Fatalf("index %d is %d, expected %d", i, at, want[i])
					}
				}
			}
		}
	})
}
