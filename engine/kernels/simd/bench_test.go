package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkMatMulF32(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, s := range []struct{ nx, nw, k int }{{256, 384, 384}, {256, 640, 384}, {256, 2048, 384}, {256, 384, 1024}, {256, 2048, 1024}, {64, 64, 64}, {4, 64, 64}, {1, 2048, 384}} {
		b.Run(fmt.Sprintf("%dx%dx%d", s.nx, s.nw, s.k), func(b *testing.B) {
			x, w, d := floats(rng, s.nx*s.k), floats(rng, s.nw*s.k), floats(rng, s.nx*s.nw)
			for b.Loop() {
				MatMulF32(d, s.nw, x, s.k, s.nx, w, s.nw, s.k)
			}
			b.ReportMetric(float64(s.nx*s.nw*s.k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}

func BenchmarkMatVecQ8_0(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	const nw, k = 2048, 384
	x, d, q, s := floats(rng, k), floats(rng, nw), make([]int8, nw*k), halves(rng, nw*k/32)
	for b.Loop() {
		MatVecQ8_0(d, x, q, s, nw, k)
	}
	b.ReportMetric(nw*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
}

func BenchmarkDotF16(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, d, g = 16384, 64, 4
	q, k, s := floats(rng, g*d), halves(rng, n*2*d), floats(rng, g*n)
	for b.Loop() {
		DotF16(s, n, q, g, d, k, 2*d, n, 1)
	}
	b.ReportMetric(n*d*g*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
}

func BenchmarkAccumPV(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n, d, rows = 64, 64, 64
	o, p, v := floats(rng, rows*d), floats(rng, rows*n), floats(rng, n*d)
	for b.Loop() {
		AccumPV(o, d, p, n, rows, n, v, d)
	}
	b.ReportMetric(n*d*rows*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
}

func BenchmarkMatVecF16(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	const nw, k = 2048, 384
	x, d, w := floats(rng, k), floats(rng, nw), halves(rng, nw*k)
	for b.Loop() {
		MatVecF16(d, x, w, nw, k)
	}
	b.ReportMetric(nw*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
}

// BenchmarkElements is what passes over n elements once, in elements a second.
func BenchmarkElements(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 1024
	x, y, z, h := floats(rng, n), floats(rng, n), floats(rng, n), halves(rng, n)
	q, s, bits, both := make([]int8, n), halves(rng, n/32), make([]uint8, n/2), halves(rng, n/16)
	for i := range bits {
		bits[i] = uint8(rng.Uint32())
	}
	for _, f := range []struct {
		name string
		call func()
	}{
		{"DequantQ8_0", func() { DequantQ8_0(z, q, s) }},
		{"DequantQ4_0", func() { DequantQ4_0(z, bits, s) }},
		{"DequantQ4_1", func() { DequantQ4_1(z, bits, both) }},
		{"F16ToF32", func() { F16ToF32(z, h) }},
		{"F32ToF16", func() { F32ToF16(h, x) }},
		{"Rope", func() { Rope(z, x, y[:n/2], y[n/2:]) }},
		{"RopeF16", func() { RopeF16(z, h, y[:n/2], y[n/2:]) }},
		{"Max", func() { Max(x) }},
		{"ExpSum", func() { clear(z); ExpSum(z, 1) }},
		{"SumExp", func() { SumExp(x, 4) }},
		{"AddExp", func() { clear(z); AddExp(z, x, 4, 1) }},
		{"SwiGLU", func() { SwiGLU(z, x, y) }},
		{"Scale", func() { Scale(z, 1) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.call()
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds()/1e9, "G/s")
		})
	}
}
