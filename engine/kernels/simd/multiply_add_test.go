package simd

import (
	"math/rand/v2"
	"testing"
)

// TestMultiplyAdd checks whole numbers, which stay exact, fused or not.
func TestMultiplyAdd(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(9, 1))
		for _, n := range []int{0, 1, 7, 8, 63, 64, 65, 130, 200} {
			for _, rounds := range []int{0, 1, 2, 7} {
				v := floats(rng, n)
				want := make([]float32, n)
				for i := range v {
					v[i] = float32(rng.IntN(1000))
					want[i] = v[i]
					for range rounds {
						want[i] = float32(want[i]*-3) + 7
					}
				}
				MultiplyAdd(v, -3, 7, rounds)
				guarded(t, "MultiplyAdd", v)
				for i := range v {
					if v[i] != want[i] {
						t.Fatalf("value %d of %d after %d rounds is %v, expected %v", i, n, rounds, v[i], want[i])
					}
				}
			}
		}
	})
}
