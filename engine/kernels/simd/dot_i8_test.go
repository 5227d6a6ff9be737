package simd

import (
	"fmt"
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

// run checks the case against whole sums, each score bit by bit.
func (c dotI8Case) run(t *testing.T) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(c.g), uint64(c.d*c.n)))
	keyStride, scaleStride, dstStride := 2*c.d+4, 2, c.n+1
	step, scale, dst := floats(rng, c.g), floats(rng, (c.n-1)*scaleStride+1), floats(rng, c.g*dstStride-1)
	q, k := make([]int16, c.g*c.d), make([]int8, (c.n-1)*keyStride+c.d)
	for i := range q {
		q[i] = int16(rng.Uint32())
	}
	for i := range k {
		k[i] = int8(rng.Uint32())
	}
	for j := range c.d { // as large as a sum can be
		q[j], k[j] = math.MinInt16, math.MinInt8
	}
	before := append([]float32(nil), dst...)
	DotI8(dst, dstStride, q, step, c.g, c.d, k, keyStride, scale, scaleStride, c.n)
	guarded(t, "DotI8", dst)
	for i, got := range dst {
		h, at := i/dstStride, i%dstStride
		if at == c.n {
			if got != before[i] {
				t.Fatalf("%+v: wrote between heads", c)
			}
			continue
		}
		var want int64
		for j := range c.d {
			want += int64(q[h*c.d+j]) * int64(k[at*keyStride+j])
		}
		if w := float32(float32(want)*step[h]) * scale[at*scaleStride]; got != w {
			t.Fatalf("%+v: score %d of head %d is %v, expected %v", c, at, h, got, w)
		}
	}
}

func TestDotI8(t *testing.T) {
	both(t, func(t *testing.T) {
		for _, c := range dotI8Cases() {
			c.run(t)
		}
	})
}

func TestToI16(t *testing.T) {
	x := []float32{1, -2, 0.5, 0, 2}
	w := make([]int16, len(x))
	step := ToI16(w, x)
	for i, v := range x {
		if d := math.Abs(float64(v) - float64(w[i])*float64(step)); d > float64(step)/2*1.001 {
			t.Errorf("%v is %d steps of %v", v, w[i], step)
		}
	}
	for _, v := range []float32{0, 1e-45, 1e-40} {
		if step := ToI16(w, []float32{v, -v}); w[0] != 0 || w[1] != 0 || step != 0 {
			t.Errorf("%v is %d and %d steps of %v, expected none", v, w[0], w[1], step)
		}
	}
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		if step := ToI16(w, []float32{1, v}); !math.IsNaN(float64(step)) && !math.IsInf(float64(step), 1) {
			t.Errorf("%v has the step %v", v, step)
		}
	}
}

func BenchmarkDotI8(b *testing.B) {
	for _, n := range []int{512, 16384} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			const d, g = 64, 4
			q, step, k, scale, s := make([]int16, g*d), floats(rng, g), make([]int8, n*2*d), floats(rng, 2*n), floats(rng, g*n)
			for i := range q {
				q[i] = int16(rng.Uint32())
			}
			for i := range k {
				k[i] = int8(rng.Uint32())
			}
			for b.Loop() {
				DotI8(s, n, q, step, g, d, k, 2*d, scale, 2, n)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
		})
	}
}
