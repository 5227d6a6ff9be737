package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestRows: rows anywhere in a cache give the bits of Rope and AccumPV.
func TestRows(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(9, 10))
		for _, d := range []int{6, 8, 16, 24, 64, 80, 128} {
			for _, n := range []int{1, 7, 8, 9, 64} {
				for heads := 1; heads <= 9; heads++ {
					k, v, angles, p := floats(rng, 3*n*d), floats(rng, 3*n*d), floats(rng, n*d), floats(rng, heads*(n+3))
					at, keys, values := make([]int, n), floats(rng, n*d), make([]float32, n*d)
					for i := range at {
						at[i] = rng.IntN(2*n*d + 1)
						copy(values[i*d:], v[at[i]:][:d])
					}
					at[n-1] = 2*n*d + n*d - d // the last row
					copy(values[(n-1)*d:], v[at[n-1]:][:d])
					name := fmt.Sprintf("%d rows of %d, %d heads", n, d, heads)
					RopeRows(keys, k, at, angles, d, v)
					guarded(t, "RopeRows", keys)
					want := make([]float32, d)
					for i, row := range at {
						Rope(want, k[row:][:d], angles[i*d:][:d/2], angles[i*d+d/2:][:d/2])
						for j, w := range want {
							if got := keys[i*d+j]; got != w {
								t.Fatalf("%s: value %d of row %d is %v, expected %v", name, j, i, got, w)
							}
						}
					}
					o := floats(rng, heads*(d+2))
					expected := append([]float32(nil), o...)
					AccumRows(o, d+2, p, n+3, heads, v, at, d)
					AccumPV(expected, d+2, p, n+3, heads, n, values, d)
					guarded(t, "AccumRows", o)
					for i, w := range expected {
						if o[i] != w {
							t.Fatalf("%s: sum %d is %v, expected %v", name, i, o[i], w)
						}
					}
				}
			}
		}
		if !panics(func() {
			RopeRows(make([]float32, 8), make([]float32, 15), []int{8}, make([]float32, 8), 8, make([]float32, 16))
		}) {
			t.Error("RopeRows took a row beyond the keys")
		}
		if !panics(func() {
			RopeRows(make([]float32, 8), make([]float32, 16), []int{8}, make([]float32, 8), 8, make([]float32, 15))
		}) {
			t.Error("RopeRows took a row beyond the values")
		}
		if !panics(func() { AccumRows(make([]float32, 8), 8, make([]float32, 1), 1, 1, make([]float32, 15), []int{8}, 8) }) {
			t.Error("AccumRows took a row beyond the values")
		}
	})
}
