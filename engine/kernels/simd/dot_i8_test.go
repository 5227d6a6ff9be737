package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// dotI8Case is a run of n keys for g queries of d values.
type dotI8Case struct{ g, d, n int }

func dotI8Cases() (cases []dotI8Case) {
	for _, d := range []int{6, 16, 64, 80, 128, 160} {
		for g := 1; g <= 9; g++ {
			for _, n := range []int{1, 3, 4, 37} {
				cases = append(cases, dotI8Case{g, d, n})
			}
		}
	}
	return cases
}

// run checks the case against sums in float64, and each score bit by bit
// against that of its key alone; it returns the scores.
func (c dotI8Case) run(t *testing.T) []float32 {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(c.g), uint64(c.d*c.n)))
	keyStride, scaleStride, dstStride := 2*c.d+4, 2, c.n+1
	q, scale, dst := floats(rng, c.g*c.d), floats(rng, (c.n-1)*scaleStride+1), floats(rng, c.g*dstStride-1)
	k := make([]int8, (c.n-1)*keyStride+c.d)
	for i := range k {
		k[i] = int8(rng.Uint32())
	}
	before := append([]float32(nil), dst...)
	DotI8(dst, dstStride, q, c.g, c.d, k, keyStride, scale, scaleStride, c.n)
	guarded(t, "DotI8", dst)
	for i, got := range dst {
		h, at := i/dstStride, i%dstStride
		if at == c.n {
			if got != before[i] {
				t.Fatalf("%+v: wrote between heads", c)
			}
			continue
		}
		var want, size float64
		for j := range c.d {
			p := float64(q[h*c.d+j]) * float64(k[at*keyStride+j]) * float64(scale[at*scaleStride])
			want, size = want+p, size+math.Abs(p)
		}
		near(t, "DotI8", float64(got), want, size)
		var alone [1]float32
		DotI8(alone[:], 1, q[h*c.d:], 1, c.d, k[at*keyStride:], keyStride, scale[at*scaleStride:], scaleStride, 1)
		if got != alone[0] {
			t.Fatalf("%+v: score %d of head %d is %v in a run, %v alone", c, at, h, got, alone[0])
		}
	}
	return dst
}

func TestDotI8(t *testing.T) {
	both(t, func(t *testing.T) {
		for _, c := range dotI8Cases() {
			c.run(t)
		}
	})
}

func BenchmarkDotI8(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, d, g = 16384, 64, 4
	q, k, scale, s := floats(rng, g*d), make([]int8, n*2*d), floats(rng, 2*n), floats(rng, g*n)
	for i := range k {
		k[i] = int8(rng.Uint32())
	}
	for b.Loop() {
		DotI8(s, n, q, g, d, k, 2*d, scale, 2, n)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
}
