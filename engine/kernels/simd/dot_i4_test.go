package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestDotI4 checks every score against what its probe and key stand for, and the
// two versions against each other bit by bit.
func TestDotI4(t *testing.T) {
	for _, d := range []int{64, 128, 192, 512} {
		for g := 1; g <= 9; g++ {
			for _, n := range []int{1, 3, 4, 37} {
				rng := rand.New(rand.NewPCG(uint64(g), uint64(d*n)))
				x, step := floats(rng, g*d), make([]float32, g)
				q, less := make([]int8, g*d), make([]int32, g*d/32)
				for h := range g {
					step[h] = ProbeI4(q[h*d:][:d], less[h*d/32:][:d/32], x[h*d:][:d])
				}
				kStride, scaleStride, dstStride := d+4, d/16, n+1
				k, scale := make([]uint8, (n-1)*kStride+d/2), halves(rng, (n-1)*scaleStride+d/32)
				for i := range k {
					k[i] = uint8(rng.Uint32())
				}
				var first []float32
				both(t, func(t *testing.T) {
					dst := floats(rng, g*dstStride-1)
					before := append([]float32(nil), dst...)
					DotI4(dst, dstStride, q, less, step, g, d, k, kStride, scale, scaleStride, n)
					guarded(t, "DotI4", dst)
					for i, got := range dst {
						h, at := i/dstStride, i%dstStride
						if at == n {
							if got != before[i] {
								t.Fatalf("%d probes of %d, %d keys: wrote between heads", g, d, n)
							}
							continue
						}
						if first != nil && got != first[i] {
							t.Fatalf("%d probes of %d, %d keys: score %d is %v, %v in vectors", g, d, n, i, got, first[i])
						}
						var want, size float64
						for j := range d {
							b := k[at*kStride+j/8*4+j%4] >> (j / 4 % 2 * 4) & 15
							value := (float64(b) - 8) * float64(half[scale[at*scaleStride+j/32]])
							want += value * float64(x[h*d+j])
							size += math.Abs(value) * float64(step[h])
						}
						if math.Abs(float64(got)-want) > 0.51*size {
							t.Fatalf("%d probes of %d, %d keys: score %d of head %d is %v, expected %v", g, d, n, at, h, got, want)
						}
					}
					first = dst
				})
			}
		}
	}
}

func TestProbeI4(t *testing.T) {
	q, less, x := make([]int8, 64), make([]int32, 2), make([]float32, 64)
	for _, v := range []float32{0, 1e-45, 1e-40} {
		x[3] = v
		if step := ProbeI4(q, less, x); q[3] != 0 || step != 0 || less[0] != 0 {
			t.Errorf("%v is %d steps of %v, expected none", v, q[3], step)
		}
	}
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
		x[3] = v
		if step := ProbeI4(q, less, x); !math.IsNaN(float64(step)) && !math.IsInf(float64(step), 1) {
			t.Errorf("%v has the step %v", v, step)
		}
	}
}
