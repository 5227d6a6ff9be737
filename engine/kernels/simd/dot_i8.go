package simd

// DotI8 is dst[h*dstStride+t] = scale[t*scaleStride] * dot(q[h*d:], k[t*kStride:])
// for h < g queries of d values and t < n keys of d int8 values: the scores of
// one key head's queries against a run of compressed keys. Unlike the other sums
// of this package it goes through sixteen lanes.
func DotI8(dst []float32, dstStride int, q []float32, g, d int, k []int8, kStride int, scale []float32, scaleStride, n int) {
	if g <= 0 || n <= 0 {
		return
	}
	dst, q = dst[:(g-1)*dstStride+n], q[:g*d]
	k, scale = k[:(n-1)*kStride+d], scale[:(n-1)*scaleStride+1]
	if vector && d > 0 && d%16 == 0 {
		dotI8Vec(dst, dstStride, q, g, d, k, kStride, scale, scaleStride, n)
		return
	}
	dotI8Go(dst, dstStride, q, g, d, k, kStride, scale, scaleStride, n)
}

func dotI8Go(dst []float32, dstStride int, q []float32, g, d int, k []int8, kStride int, scale []float32, scaleStride, n int) {
	for t := range n {
		key := k[t*kStride:][:d]
		for h := range g {
			var l [16]float32
			for j, v := range q[h*d:][:d] {
				l[j&15] += float32(v * float32(key[j]))
			}
			for i := range 8 {
				l[i] += l[i+8]
			}
			dst[h*dstStride+t] = scale[t*scaleStride] * fold(l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7])
		}
	}
}
