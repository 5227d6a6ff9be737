//go:build amd64 || arm64

package simd

// What the assembly of amd64 and that of arm64 have in common: the functions that it
// consists of, and the loops over rows around them.

// Strides are in bytes, k8 and n count values and are positive multiples of 8.

// tile4x3 stores the products of three rows of x and four of w: dst[i][r].
//
//go:noescape
func tile4x3(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, k8 int)

// tile8x1 stores the products of one row of x and eight of w.
//
//go:noescape
func tile8x1(dst, x, w *float32, wStride, k8 int)

// tile1x1 is the product of one row and one row.
//
//go:noescape
func tile1x1(x, w *float32, k8 int) float32

// vecQ8x4 stores the products of x and four rows of Q8_0 weights of k values,
// whose blocks lie blocks apart in scale and k apart in q.
//
//go:noescape
func vecQ8x4(dst, x *float32, q *int8, scale *uint16, k int)

//go:noescape
func vecQ8x1(x *float32, q *int8, scale *uint16, k int) float32

// vecF16x8 stores the products of x and eight rows of float16 weights.
//
//go:noescape
func vecF16x8(dst, x *float32, w *uint16, wStride, k8 int)

//go:noescape
func vecF16x1(x *float32, w *uint16, k8 int) float32

//go:noescape
func dequantVec(dst *float32, q *int8, scale *uint16, blocks int)

//go:noescape
func f16ToF32Vec(dst *float32, src *uint16, n int)

//go:noescape
func f32ToF16Vec(dst *uint16, src *float32, n int)

//go:noescape
func ropeVec(dst, src, cos, sin *float32, half int)

//go:noescape
func maxVec(x *float32, n int) float32

//go:noescape
func scaleVec(x *float32, n int, a float32)

//go:noescape
func swiGLUVec(dst, gate, up *float32, n int)

// pv4x16 adds p·v to four rows and sixteen columns of o; pv1x8 to one row and
// eight columns.
//
//go:noescape
func pv4x16(o *float32, oStride int, p *float32, pStride int, v *float32, vStride, n int)

//go:noescape
func pv1x8(o, p, v *float32, vStride, n int)

// matMulVec takes the first k8 values of each row.
func matMulVec(dst []float32, dstStride int, x []float32, xStride, nx int, w []float32, wStride, nw, k8 int) {
	// Rows of w pass in panels that stay in the second-level cache together
	// with the rows of x that they meet; tiles of three rows of x and four of w
	// keep twelve sums in registers.
	const panelBytes = 96 << 10
	panel := max(4, panelBytes/(4*k8)&^3)
	for r0 := 0; r0 < nw; r0 += panel {
		r1 := min(r0+panel, nw)
		i := 0
		for ; i+3 <= nx; i += 3 {
			r := r0
			for ; r+4 <= r1; r += 4 {
				if wStride >= k8+8 { // not one block: a cache, whose rows come from memory
					dot4x3(&dst[i*dstStride+r], 4*dstStride, &x[i*xStride], 4*xStride, &w[r*wStride], 4*wStride, k8)
				} else {
					tile4x3(&dst[i*dstStride+r], 4*dstStride, &x[i*xStride], 4*xStride, &w[r*wStride], 4*wStride, k8)
				}
			}
			for ; r < r1; r++ {
				for j := i; j < i+3; j++ {
					dst[j*dstStride+r] = tile1x1(&x[j*xStride], &w[r*wStride], k8)
				}
			}
		}
		for ; i < nx; i++ {
			r := r0
			for ; r+8 <= r1; r += 8 {
				tile8x1(&dst[i*dstStride+r], &x[i*xStride], &w[r*wStride], 4*wStride, k8)
			}
			for ; r < r1; r++ {
				dst[i*dstStride+r] = tile1x1(&x[i*xStride], &w[r*wStride], k8)
			}
		}
	}
}

func matVecQ8Vec(dst, x []float32, q []int8, scale []uint16, nw, k int) {
	r := 0
	for ; r+4 <= nw; r += 4 {
		vecQ8x4(&dst[r], &x[0], &q[r*k], &scale[r*k/32], k)
	}
	for ; r < nw; r++ {
		dst[r] = vecQ8x1(&x[0], &q[r*k], &scale[r*k/32], k)
	}
}

// matVecF16Vec takes the first k&^7 values of each row.
func matVecF16Vec(dst, x []float32, w []uint16, nw, k int) {
	k8 := k &^ 7
	r := 0
	for ; r+8 <= nw; r += 8 {
		vecF16x8(&dst[r], &x[0], &w[r*k], 2*k, k8)
	}
	for ; r < nw; r++ {
		dst[r] = vecF16x1(&x[0], &w[r*k], k8)
	}
}

func accumPVVec(o []float32, oStride int, p []float32, pStride, rows, n int, v []float32, d int) {
	d8 := d &^ 7
	i := 0
	for ; i+4 <= rows; i += 4 {
		c := 0
		for ; c+16 <= d8; c += 16 {
			pv4x16(&o[i*oStride+c], 4*oStride, &p[i*pStride], 4*pStride, &v[c], 4*d, n)
		}
		for ; c < d8; c += 8 {
			for j := i; j < i+4; j++ {
				pv1x8(&o[j*oStride+c], &p[j*pStride], &v[c], 4*d, n)
			}
		}
	}
	for ; i < rows; i++ {
		for c := 0; c < d8; c += 8 {
			pv1x8(&o[i*oStride+c], &p[i*pStride], &v[c], 4*d, n)
		}
	}
	if d8 < d {
		for i := range rows {
			pvRest(&o[i*oStride+d8], &p[i*pStride], &v[d8], 4*d, n, d-d8)
		}
	}
}

// f16RowsVec converts rows float16 rows of d values, stride apart.
func f16RowsVec(dst []float32, src []uint16, stride, rows, d int) {
	for i := range rows {
		f16ToF32Vec(&dst[i*d], &src[i*stride], d)
	}
}

func ropeF16Vec(dst *float32, src *uint16, cos, sin *float32, half int) {
	f16ToF32Vec(dst, src, 2*half)
	ropeVec(dst, dst, cos, sin, half)
}
