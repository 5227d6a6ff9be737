package simd

// dotI8x4x4 stores the products of four rows of q, d apart, and four keys, times
// the keys' scales: dst[h][t]. Strides are in bytes, d is a multiple of 16.
//
//go:noescape
func dotI8x4x4(dst *float32, dstStride int, q *float32, d int, k *int8, kStride int, scale *[4]float32)

// dotI8x1x4 is dotI8x4x4 for one row of q.
//
//go:noescape
func dotI8x1x4(dst, q *float32, d int, k *int8, kStride int, scale *[4]float32)

func dotI8Vec(dst []float32, dstStride int, q []float32, g, d int, k []int8, kStride int, scale []float32, scaleStride, n int) {
	wide := g
	if !vector512 {
		wide = 0
	}
	var s [4]float32
	var out [16]float32
	t := 0
	for ; t+4 <= n; t += 4 {
		for i := range s {
			s[i] = scale[(t+i)*scaleStride]
		}
		h := 0
		for ; h+4 <= wide; h += 4 {
			dotI8x4x4(&dst[h*dstStride+t], 4*dstStride, &q[h*d], d, &k[t*kStride], kStride, &s)
		}
		for ; h < g; h++ {
			dotI8x1x4(&dst[h*dstStride+t], &q[h*d], d, &k[t*kStride], kStride, &s)
		}
	}
	for ; t < n; t++ {
		// The one key four times, so that a tile reads nothing beyond it.
		s[0] = scale[t*scaleStride]
		for h := range g {
			dotI8x1x4(&out[0], &q[h*d], d, &k[t*kStride], 0, &s)
			dst[h*dstStride+t] = out[0]
		}
	}
}
