package simd

import (
	"math"

	"tokenselect/engine/f16"
)

// The plain versions: what each function computes, in Go that any machine runs.
// Sums over k go through eight lanes (lane j takes the elements j, j+8, ...),
// which are then added in one fixed order, as the assembly does.

// half is every float16 value as a float32, by its bits.
var half = func() *[1 << 16]float32 {
	var t [1 << 16]float32
	for i := range t {
		t[i] = f16.ToFloat32(uint16(i))
	}
	return &t
}()

// fold adds eight lanes.
func fold(a, b, c, d, e, f, g, h float32) float32 {
	return ((a + e) + (c + g)) + ((b + f) + (d + h))
}

func dotGo(x, w []float32) float32 {
	var a, b, c, d, e, f, g, h float32
	w = w[:len(x)]
	for len(x) >= 8 {
		x8, w8 := (*[8]float32)(x), (*[8]float32)(w)
		a += float32(x8[0] * w8[0])
		b += float32(x8[1] * w8[1])
		c += float32(x8[2] * w8[2])
		d += float32(x8[3] * w8[3])
		e += float32(x8[4] * w8[4])
		f += float32(x8[5] * w8[5])
		g += float32(x8[6] * w8[6])
		h += float32(x8[7] * w8[7])
		x, w = x[8:], w[8:]
	}
	s := fold(a, b, c, d, e, f, g, h)
	for i, v := range x {
		s += float32(v * w[i])
	}
	return s
}

func matMulF32Go(dst []float32, dstStride int, x []float32, xStride, nx int, w []float32, wStride, nw, k int) {
	for r := range nw {
		row := w[r*wStride : r*wStride+k]
		for i := range nx {
			dst[i*dstStride+r] = dotGo(x[i*xStride:i*xStride+k], row)
		}
	}
}

func matVecF16Go(dst, x []float32, w []uint16, nw, k int) {
	for i := range nw {
		row, x := w[i*k:i*k+k], x[:k]
		var a, b, c, d, e, f, g, h float32
		for len(x) >= 8 && len(row) >= 8 {
			x8, w8 := (*[8]float32)(x), (*[8]uint16)(row)
			a += float32(x8[0] * half[w8[0]])
			b += float32(x8[1] * half[w8[1]])
			c += float32(x8[2] * half[w8[2]])
			d += float32(x8[3] * half[w8[3]])
			e += float32(x8[4] * half[w8[4]])
			f += float32(x8[5] * half[w8[5]])
			g += float32(x8[6] * half[w8[6]])
			h += float32(x8[7] * half[w8[7]])
			x, row = x[8:], row[8:]
		}
		s := fold(a, b, c, d, e, f, g, h)
		for j, v := range x {
			s += float32(v * half[row[j]])
		}
		dst[i] = s
	}
}

func matVecQ8_0Go(dst, x []float32, q []int8, scale []uint16, nw, k int) {
	for r := range nw {
		var a, b, c, d, e, f, g, h float32
		for j := 0; j < k; j += 32 {
			s := half[scale[(r*k+j)/32]]
			for i := j; i < j+32; i += 8 {
				x8, q8 := (*[8]float32)(x[i:]), (*[8]int8)(q[r*k+i:])
				a += float32(float32(s*float32(q8[0])) * x8[0])
				b += float32(float32(s*float32(q8[1])) * x8[1])
				c += float32(float32(s*float32(q8[2])) * x8[2])
				d += float32(float32(s*float32(q8[3])) * x8[3])
				e += float32(float32(s*float32(q8[4])) * x8[4])
				f += float32(float32(s*float32(q8[5])) * x8[5])
				g += float32(float32(s*float32(q8[6])) * x8[6])
				h += float32(float32(s*float32(q8[7])) * x8[7])
			}
		}
		dst[r] = fold(a, b, c, d, e, f, g, h)
	}
}

func dequantQ8_0Go(dst []float32, q []int8, scale []uint16) {
	for b := range len(dst) / 32 {
		s := half[scale[b]]
		d, v := dst[32*b:32*b+32], q[32*b:32*b+32]
		for i := range d {
			d[i] = s * float32(v[i])
		}
	}
}

func f16ToF32Go(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for i, h := range src {
		dst[i] = half[h]
	}
}

func f32ToF16Go(dst []uint16, src []float32) {
	for i, v := range src[:len(dst)] {
		dst[i] = f16.FromFloat32(v)
	}
}

func ropeGo(dst, src, cos, sin []float32) {
	n := len(src) / 2
	a, b, da, db := src[:n], src[n:2*n], dst[:n], dst[n:2*n]
	cos, sin = cos[:n], sin[:n]
	for i := range n {
		x, y := a[i], b[i]
		da[i] = float32(x*cos[i]) - float32(y*sin[i])
		db[i] = float32(y*cos[i]) + float32(x*sin[i])
	}
}

func maxGo(x []float32) float32 {
	m := float32(math.Inf(-1))
	a, b, c := m, m, m
	for ; len(x) >= 4; x = x[4:] {
		m, a, b, c = max(m, x[0]), max(a, x[1]), max(b, x[2]), max(c, x[3])
	}
	for _, v := range x {
		m = max(m, v)
	}
	return max(m, a, b, c)
}

func scaleGo(x []float32, a float32) {
	for i := range x {
		x[i] *= a
	}
}

func expGo(x float32) float32 { return float32(math.Exp(float64(x))) }

func expSumGo(x []float32, m float32) float32 {
	var lanes [8]float32
	for i, v := range x {
		e := expGo(v - m)
		x[i] = e
		lanes[i%8] += e
	}
	return fold(lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5], lanes[6], lanes[7])
}

func sumExpGo(x []float32, m float32) float32 {
	var lanes [8]float32
	for i, v := range x {
		lanes[i%8] += expGo(v - m)
	}
	return fold(lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5], lanes[6], lanes[7])
}

func addExpGo(dst, x []float32, m, inv float32) {
	for i, v := range x[:len(dst)] {
		dst[i] += float32(expGo(v-m) * inv)
	}
}

func swiGLUGo(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i, g := range gate {
		dst[i] = g / (1 + expGo(-g)) * up[i]
	}
}

func accumPVGo(o []float32, oStride int, p []float32, pStride, rows, n int, v []float32, d int) {
	for i := range rows {
		acc := o[i*oStride : i*oStride+d]
		for t := range n {
			w, row := p[i*pStride+t], v[t*d:t*d+d]
			for c := range acc {
				acc[c] += float32(w * row[c])
			}
		}
	}
}
