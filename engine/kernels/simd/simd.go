// Package simd is the inner loops of the CPU device: each a plain Go function,
// with a version in vectors where there are some: assembly for processors of
// amd64 that have AVX2, FMA and F16C and for arm64, all of which have NEON, and a
// WebAssembly module beside Go's in a build with the tag wasmsimd (Module, Loader).
//
// The value of one output element depends only on that element's inputs and on
// the length of its sum: never on how many rows, keys or columns are computed
// together, nor on where in a block it stands. Equal inputs give equal bits.
// The two versions may differ from each other by rounding.
//
// Sizes are the caller's to get right: a slice that is too short panics in the
// plain version and must not reach the vectors, which is why every function
// checks them by slicing first.
package simd

// Level is what the functions run on: "avx2", "neon", "simd128" or "go".
func Level() string {
	if vector {
		return vectorLevel
	}
	return "go"
}

// MatMulF32 is dst[i*dstStride+r] = sum over j < k of x[i*xStride+j]*w[r*k+j],
// for i < nx and r < nw.
func MatMulF32(dst []float32, dstStride int, x []float32, xStride, nx int, w []float32, nw, k int) {
	if nx <= 0 || nw <= 0 {
		return
	}
	matMul(dst[:(nx-1)*dstStride+nw], dstStride, x[:(nx-1)*xStride+k], xStride, nx, w[:nw*k], k, nw, k)
}

// matMul is MatMulF32 with rows of w that lie wStride apart.
func matMul(dst []float32, dstStride int, x []float32, xStride, nx int, w []float32, wStride, nw, k int) {
	k8 := k &^ 7
	if !vector || k8 == 0 {
		matMulF32Go(dst, dstStride, x, xStride, nx, w, wStride, nw, k)
		return
	}
	matMulVec(dst, dstStride, x, xStride, nx, w, wStride, nw, k8)
	if k8 == k {
		return
	}
	for i := range nx {
		for r := range nw {
			s := dst[i*dstStride+r]
			for j := k8; j < k; j++ {
				s += float32(x[i*xStride+j] * w[r*wStride+j])
			}
			dst[i*dstStride+r] = s
		}
	}
}

// MatVecQ8_0 is MatMulF32 for one row of x, straight from the Q8_0 weights that
// DequantQ8_0 would decode: q [nw*k], scale [nw*k/32] float16 bits. k is a
// multiple of 32.
func MatVecQ8_0(dst, x []float32, q []int8, scale []uint16, nw, k int) {
	if nw <= 0 {
		return
	}
	dst, x, q, scale = dst[:nw], x[:k], q[:nw*k], scale[:nw*k/32]
	if vector && k > 0 && k%32 == 0 {
		matVecQ8Vec(dst, x, q, scale, nw, k)
		return
	}
	matVecQ8_0Go(dst, x, q, scale, nw, k)
}

// MatVecF16 is MatMulF32 for one row of x, straight from float16 weights, as
// F16ToF32 would convert them.
func MatVecF16(dst, x []float32, w []uint16, nw, k int) {
	if nw <= 0 {
		return
	}
	dst, x, w = dst[:nw], x[:k], w[:nw*k]
	k8 := k &^ 7
	if !vector || k8 == 0 {
		matVecF16Go(dst, x, w, nw, k)
		return
	}
	matVecF16Vec(dst, x, w, nw, k)
	if k8 == k {
		return
	}
	for r := range dst {
		s := dst[r]
		for j := k8; j < k; j++ {
			s += float32(x[j] * half[w[r*k+j]])
		}
		dst[r] = s
	}
}

// DequantQ8_0 decodes len(dst) values, a multiple of 32.
func DequantQ8_0(dst []float32, q []int8, scale []uint16) {
	n := len(dst) / 32
	q, scale = q[:32*n], scale[:n]
	if vector && n > 0 {
		dequantVec(&dst[0], &q[0], &scale[0], n)
		return
	}
	dequantQ8_0Go(dst, q, scale)
}

// F16ToF32 converts len(dst) values. A NaN stays one.
func F16ToF32(dst []float32, src []uint16) {
	src = src[:len(dst)]
	if !vector {
		f16ToF32Go(dst, src)
		return
	}
	n := len(dst) &^ 7
	if n > 0 {
		f16ToF32Vec(&dst[0], &src[0], n)
	}
	if n < len(dst) {
		var h [8]uint16
		var t tail
		copy(h[:], src[n:])
		f16ToF32Vec(&t[0], &h[0], 8)
		copy(dst[n:], t[:])
	}
}

// F32ToF16 converts len(dst) values, to the nearest, ties to even. What is too
// large becomes an infinity; a NaN stays one.
func F32ToF16(dst []uint16, src []float32) {
	src = src[:len(dst)]
	if !vector {
		f32ToF16Go(dst, src)
		return
	}
	n := len(dst) &^ 7
	if n > 0 {
		f32ToF16Vec(&dst[0], &src[0], n)
	}
	if n < len(dst) {
		var h [8]uint16
		var t tail
		t.load(src[n:])
		f32ToF16Vec(&h[0], &t[0], 8)
		copy(dst[n:], h[:])
	}
}

// Rope rotates one row by cosines and sines of len(src)/2 pairs (i, i+d/2):
// dst[i] = x[i]cos[i] - x[i+d/2]sin[i], dst[i+d/2] = x[i+d/2]cos[i] + x[i]sin[i].
// dst may be src.
func Rope(dst, src, cos, sin []float32) {
	n := len(src) / 2
	dst, cos, sin = dst[:2*n], cos[:n], sin[:n]
	if vector && n%8 == 0 && n > 0 {
		ropeVec(&dst[0], &src[0], &cos[0], &sin[0], n)
		return
	}
	ropeGo(dst, src, cos, sin)
}

// RopeF16 is Rope of a float16 row.
func RopeF16(dst []float32, src []uint16, cos, sin []float32) {
	dst = dst[:len(src)]
	n := len(src) / 2
	cos, sin = cos[:n], sin[:n]
	if vector && n%8 == 0 && n > 0 {
		ropeF16Vec(&dst[0], &src[0], &cos[0], &sin[0], n)
		return
	}
	F16ToF32(dst, src)
	Rope(dst, dst, cos, sin)
}

// DotF16 is dst[h*dstStride+t] = scale * dot(q[h*d:], k[t*kStride:]) for h < g
// queries of d values and t < n float16 keys.
func DotF16(dst []float32, dstStride int, q []float32, g, d int, k []uint16, kStride, n int, scale float32) {
	// A block of keys is converted once for all queries; small enough for the
	// first-level cache.
	const block = 16
	var buf [block * 128]float32
	keys := buf[:]
	if d > 128 {
		keys = make([]float32, block*d)
	}
	for t := 0; t < n; t += block {
		m := min(block, n-t)
		if rows := k[t*kStride:][:(m-1)*kStride+d]; vector && d%8 == 0 && d > 0 {
			f16RowsVec(keys, rows, kStride, m, d)
		} else {
			for i := range m {
				F16ToF32(keys[i*d:(i+1)*d], rows[i*kStride:])
			}
		}
		MatMulF32(dst[t:], dstStride, q, d, g, keys[:m*d], m, d)
		if scale != 1 {
			for h := range g {
				Scale(dst[h*dstStride+t:h*dstStride+t+m], scale)
			}
		}
	}
}

// DotF32 is DotF16 for float32 keys.
func DotF32(dst []float32, dstStride int, q []float32, g, d int, k []float32, kStride, n int, scale float32) {
	if g <= 0 || n <= 0 {
		return
	}
	dst, q, k = dst[:(g-1)*dstStride+n], q[:g*d], k[:(n-1)*kStride+d]
	matMul(dst, dstStride, q, d, g, k, kStride, n, d)
	if scale != 1 {
		for h := range g {
			Scale(dst[h*dstStride:h*dstStride+n], scale)
		}
	}
}

// Max is the largest value, -Inf of none, NaN if one is.
func Max(x []float32) float32 {
	n := len(x) &^ 7
	if !vector || n == 0 {
		return maxGo(x)
	}
	m := maxVec(&x[0], n)
	for _, v := range x[n:] {
		m = max(m, v)
	}
	return m
}

// ExpSum replaces x[i] by exp(x[i]-m) and returns the sum.
func ExpSum(x []float32, m float32) float32 {
	if !vector {
		return expSumGo(x, m)
	}
	n := len(x) &^ 7
	var sum float32
	if n > 0 {
		sum = expSumVec(&x[0], n, m)
	}
	if n < len(x) {
		var t tail
		t.load(x[n:])
		expSumVec(&t[0], 8, m)
		for _, v := range t[:copy(x[n:], t[:])] {
			sum += v
		}
	}
	return sum
}

// SumExp is the sum that ExpSum returns, with x left as it is.
func SumExp(x []float32, m float32) float32 {
	n := len(x) &^ 7
	if !vector {
		return sumExpGo(x, m)
	}
	var sum float32
	if n > 0 {
		sum = sumExpVec(&x[0], n, m)
	}
	if n < len(x) {
		var t tail
		t.load(x[n:])
		expSumVec(&t[0], 8, m)
		for _, v := range t[:len(x)-n] {
			sum += v
		}
	}
	return sum
}

// tail is the end of a slice that does not fill a vector; it goes through the
// same instructions as the rest.
type tail [8]float32

func (t *tail) load(x []float32) { copy(t[:], x) }

// AddExp is dst[i] += exp(x[i]-m)*inv.
func AddExp(dst, x []float32, m, inv float32) {
	x = x[:len(dst)]
	if !vector {
		addExpGo(dst, x, m, inv)
		return
	}
	n := len(dst) &^ 7
	if n > 0 {
		addExpVec(&dst[0], &x[0], n, m, inv)
	}
	if n < len(dst) {
		var d, t tail
		d.load(dst[n:])
		t.load(x[n:])
		addExpVec(&d[0], &t[0], 8, m, inv)
		copy(dst[n:], d[:])
	}
}

// SwiGLU is dst[i] = gate[i] / (1 + exp(-gate[i])) * up[i].
func SwiGLU(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	if !vector {
		swiGLUGo(dst, gate, up)
		return
	}
	n := len(dst) &^ 7
	if n > 0 {
		swiGLUVec(&dst[0], &gate[0], &up[0], n)
	}
	if n < len(dst) {
		var d, g, u tail
		g.load(gate[n:])
		u.load(up[n:])
		swiGLUVec(&d[0], &g[0], &u[0], 8)
		copy(dst[n:], d[:])
	}
}

// Scale is x[i] *= a.
func Scale(x []float32, a float32) {
	if n := len(x) &^ 7; vector && n > 0 {
		scaleVec(&x[0], n, a)
		x = x[n:]
	}
	scaleGo(x, a)
}

// AccumPV is o[i*oStride+c] += sum over t < n of p[i*pStride+t]*v[t*d+c], in
// order of t, for i < rows and c < d.
func AccumPV(o []float32, oStride int, p []float32, pStride, rows, n int, v []float32, d int) {
	if rows <= 0 || n <= 0 || d <= 0 {
		return
	}
	o, p, v = o[:(rows-1)*oStride+d], p[:(rows-1)*pStride+n], v[:n*d]
	if vector {
		accumPVVec(o, oStride, p, pStride, rows, n, v, d)
		return
	}
	accumPVGo(o, oStride, p, pStride, rows, n, v, d)
}
