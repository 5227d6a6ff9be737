//go:build amd64 || arm64

package simd

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
)

// TestAssemblyBits: the assembly of amd64 and that of arm64 round as often and add in
// the same order, so that both give the bits whose digest is here, whatever the length.
func TestAssemblyBits(t *testing.T) {
	if !vector {
		t.Skip("skipped: no vectors here, or TOKENSELECT_SIMD=go")
	}
	const want = uint64(0xb2b38b3b56089b9c)
	digest := fnv.New64a()
	rng := rand.New(rand.NewPCG(61, 62))
	add := func(x []float32) {
		var b [4]byte
		for _, v := range x {
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
			digest.Write(b[:])
		}
	}
	// Whole numbers over a power of two: a normal distribution may round differently
	// from one processor to another.
	floats := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(int32(rng.Uint32())>>7) / (1 << 23)
		}
		return x
	}
	for _, k := range lengths {
		const nx, nw = 7, 13
		x, y, w, d := floats(nx*k), floats(nx*k), floats(nw*k), make([]float32, nx*nw)
		h := make([]uint16, nw*k)
		F32ToF16(h, w)
		MatMulF32(d, nw, x, k, nx, w, nw, k)
		add(d)
		DotF32(d, nw, x, nx, k/2, w, k, nw, 0.3)
		add(d)
		DotF16(d, nw, x, nx, k, h, k, nw, 0.3)
		add(d)
		MatVecF16(d, x, h, nw, k)
		add(d)
		AccumPV(y, k, x, k, nx, min(nw, k), w, k)
		add(y)
		F16ToF32(w, h)
		add(w)
		add([]float32{Max(w), SumExp(w, 0.3)})
		Scale(w, 30)
		AddExp(y, w[:nx*k], 1, 0.7)
		add(y)
		SwiGLU(y, x, w[:nx*k])
		add(y)
		ExpSum(w, -2)
		add(w)
		if k%2 == 0 {
			Rope(y[:k], x[:k], w[:k/2], w[k/2:k])
			RopeF16(y[k:2*k], h[:k], w[:k/2], w[k/2:k])
			add(y)
		}
		if k%32 != 0 {
			continue
		}
		q, bits := make([]int8, nw*k), make([]uint8, nw*k/2)
		for i := range q {
			q[i], bits[i/2] = int8(rng.Uint32()), uint8(rng.Uint32())
		}
		MatVecQ8_0(d, x, q, h, nw, k)
		add(d)
		DequantQ8_0(w, q, h)
		add(w)
		DequantQ4_0(w, bits, h)
		add(w)
		DequantQ4_1(w, bits, h)
		add(w)
	}
	if got := digest.Sum64(); got != want {
		t.Errorf("the digest is %#x, expected %#x: the results of this assembly are not what they were", got, want)
	}
}
