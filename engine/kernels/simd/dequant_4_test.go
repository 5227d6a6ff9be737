package simd

import (
	"math/rand/v2"
	"testing"

	"tokenselect/engine/f16"
)

// TestDequant4 checks the decoders of 4 bits against their definition, and that they
// write what they should and nothing else.
func TestDequant4(t *testing.T) {
	both(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(7, 8))
		for _, n := range []int{0, 1, 2, 3, 8, 33} {
			q, pairs := make([]uint8, 16*n), halves(rng, 2*n)
			for i := range q {
				q[i] = uint8(rng.Uint32())
			}
			a, b := floats(rng, 32*n), floats(rng, 32*n)
			DequantQ4_0(a, q, pairs[:n])
			DequantQ4_1(b, q, pairs)
			guarded(t, "Q4_0", a)
			guarded(t, "Q4_1", b)
			for i := range a {
				v := int(q[i/32*16+i%16] >> (i % 32 / 16 * 4) & 15)
				if want := f16.ToFloat32(pairs[i/32]) * float32(v-8); a[i] != want {
					t.Fatalf("Q4_0: value %d of %d is %v, expected %v", i, len(a), a[i], want)
				}
				if want := float32(f16.ToFloat32(pairs[i/32*2])*float32(v)) + f16.ToFloat32(pairs[i/32*2+1]); b[i] != want {
					t.Fatalf("Q4_1: value %d of %d is %v, expected %v", i, len(b), b[i], want)
				}
			}
		}
	})
}
